/* Layers of CfC neurons in as little flash as it takes: the bits of el_linear, el_tanh,
 * el_timed_linear, el_sigmoid and el_mix in turn.
 *
 *   v        inputs and states, where `layer` says
 *   next     [most neurons of a layer] room for new states while the old ones are read
 *   dt       [1] elapsed time; not read where maps is 3
 *   layer    [layers] in their order
 *   w        for each layer [neurons][maps][inputs], of f, g, t and, where maps is 4, t's rate
 *   bias     [neurons of all][maps] at the accumulators' scales
 *   shift    [neurons of all][3] 0..30, of f, g and t
 *
 * The exporter proves that no accumulator leaves int32_t, partial sums and rounding included. */
#ifndef EL_CFC_COMPACT_H
#define EL_CFC_COMPACT_H

#include <stdint.h>

#include "elegans/el_compact.h"

void el_cfc_compact(int16_t *v, int16_t *next, const int16_t *dt,
                    const el_compact_layer *layer, uint32_t layers,
                    const int16_t *w, const int32_t *bias, const uint8_t *shift, uint32_t maps);

#endif
