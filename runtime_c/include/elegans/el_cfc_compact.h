/* Layers of CfC neurons in as little flash as possible, with int16 weights: the bits of
 * el_linear, el_tanh, el_timed_linear, el_sigmoid and el_mix in turn. Arguments, ranges and
 * the proof that no sum overflows: el_cfc_compact_body.h. */
#ifndef EL_CFC_COMPACT_H
#define EL_CFC_COMPACT_H

#include <stdint.h>

#include "elegans/el_compact.h"

void el_cfc_compact(int16_t *v, int16_t *next, int16_t *wired, const int16_t *dt,
                    const el_compact_layer *layer, uint32_t layers,
                    const int16_t *w, const int32_t *bias, const uint8_t *row);

#endif
