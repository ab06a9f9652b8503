/* y = W x + b for a convolution: synapses that slide over x are stored once, in int8.
 *
 *   y       [rows] any scale; must not overlap x; rows are the filters' positions in all
 *   x       as many as the last gap of the last position reaches
 *   w       [synapses] filter after filter
 *   gap     [synapses] columns from the synapse before, from the position at its start
 *   filter  [filters][4] synapses, column of the first position, positions, columns from
 *           one position to the next
 *   bias    [filters] at the accumulator's scale
 *   shift   [filters] 0..30, accumulator to output
 *
 * int32_t is enough for the reason that el_linear.h gives. Exact twin of
 * exporter/ops/sliding_linear8.py. */
#ifndef EL_SLIDING_LINEAR8_H
#define EL_SLIDING_LINEAR8_H

#include <stdint.h>

void el_sliding_linear8(int16_t *y, const int16_t *x,
                        const int8_t *w, const uint8_t *gap, const uint16_t *filter,
                        const int32_t *bias, const uint8_t *shift, uint32_t filters);

#endif
