/* SPDX-License-Identifier: 0BSD */
/* A layer of CfC neurons of the mode "no gate" with int8 weights in one pass: el_cfc8 with
 * el_gated_sum, f + t g, instead of el_mix.
 *
 *   h   [neurons] Q1.14; must not overlap x, unless neurons is 1
 *
 * Everything else is as in el_cfc8.h. */
#ifndef EL_CFC_SUM8_H
#define EL_CFC_SUM8_H

#include <stdint.h>

#include "elegans/el_cfc8.h"
#include "elegans/el_cfc_sum.h"

const int32_t *el_cfc_sum8(int16_t *h, const int16_t *x, const int32_t *w, int16_t dt,
                           uint32_t first, int32_t skip, uint32_t pairs, uint32_t neurons,
                           uint32_t f, uint32_t g, uint32_t t, uint32_t still, uint32_t moving);

#endif
