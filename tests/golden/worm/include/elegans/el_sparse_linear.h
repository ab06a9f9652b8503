/* y = W x + b, synapses only: an absent one costs neither flash nor time.
 *
 *   y      [rows] any scale; must not overlap x
 *   x      as many as the gaps reach
 *   w      [synapses] row after row
 *   gap    [synapses] columns from the synapse before, from column 0 at a row's start
 *   count  [rows] synapses of each row
 *   bias   [rows] at the accumulator's scale
 *   shift  [rows] 0..30, accumulator to output
 *
 * int32_t is enough for the reason that el_linear.h gives. Exact twin of
 * exporter/ops/sparse_linear.py. */
#ifndef EL_SPARSE_LINEAR_H
#define EL_SPARSE_LINEAR_H

#include <stdint.h>

void el_sparse_linear(int16_t *y, const int16_t *x,
                      const int16_t *w, const uint8_t *gap, const uint16_t *count,
                      const int32_t *bias, const uint8_t *shift, uint32_t rows);

#endif
