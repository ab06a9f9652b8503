/* SPDX-License-Identifier: 0BSD */
/* A layer of CfC neurons of the mode "no gate" in one pass: el_cfc with el_gated_sum, f + t g,
 * instead of el_mix.
 *
 *   h   [neurons] Q1.14; must not overlap x, unless neurons is 1
 *
 * Everything else is as in el_cfc.h. */
#ifndef EL_CFC_SUM_H
#define EL_CFC_SUM_H

#include <stdint.h>

#include "elegans/el_cfc.h"
#include "elegans/el_gated_sum.h"

const int32_t *el_cfc_sum(int16_t *h, const int16_t *x, const int32_t *w, int16_t dt,
                          uint32_t pairs, uint32_t neurons, uint32_t f, uint32_t g, uint32_t t);

/* A neuron's new state from the arguments of its three functions, each plus half a segment. */
static inline int16_t el_cfc_sum_neuron(int32_t f, int32_t g, int32_t t)
{
    return el_gated_sum1(el_cfc_head(f), el_cfc_head(g), el_cfc_gate(t));
}

#endif
