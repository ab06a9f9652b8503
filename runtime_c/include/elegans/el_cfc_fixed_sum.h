/* SPDX-License-Identifier: 0BSD */
/* A layer of CfC neurons of the mode "no gate" with a fixed sample period: el_cfc_fixed with
 * el_gated_sum, f + t g, instead of el_mix.
 *
 *   h   [neurons] Q1.14; must not overlap x, unless neurons is 1
 *
 * Everything else is as in el_cfc_fixed.h. */
#ifndef EL_CFC_FIXED_SUM_H
#define EL_CFC_FIXED_SUM_H

#include <stdint.h>

#include "elegans/el_cfc_sum.h"

const int32_t *el_cfc_fixed_sum(int16_t *h, const int16_t *x, const int32_t *w,
                                uint32_t pairs, uint32_t neurons, uint32_t f, uint32_t g,
                                uint32_t t);

#endif
