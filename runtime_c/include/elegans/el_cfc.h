/* SPDX-License-Identifier: 0BSD */
/* A layer of CfC neurons (Hasani et al. 2022) in one pass: the bits of el_linear, el_tanh,
 * el_timed_linear, el_sigmoid and el_mix in turn, without the vectors between them.
 *
 *   h            [neurons] Q0.15; must not overlap x, unless neurons is 1
 *   x            [2 pairs] word-aligned
 *   w            for each neuron: four biases (of the maps f, g, t and the rate of t), then for
 *                each pair of inputs their weights in these four maps, as EL_PAIR lays them
 *                out. The biases include the rounding of the shift that follows, and those of
 *                f, g and t half a segment of tanh's table
 *   dt           elapsed time
 *   pairs        half the number of inputs, rounded up; the input that fills up an odd number
 *                has the weight 0
 *   f, g, t      1..31, shifts from the accumulators to the arguments of tanh
 *
 * Returns the address behind the layer's weights. The exporter proves that no accumulator
 * leaves int32_t, in whatever order the products are added.
 *
 * This is the specification. It is compiled where EL_CORE is EL_PORTABLE; other cores have
 * EL_CFC in their layers.inc. */
#ifndef EL_CFC_H
#define EL_CFC_H

#include <stdint.h>

#include "elegans/el_core.h"
#include "elegans/el_mix.h"
#include "elegans/el_sigmoid.h"
#include "elegans/el_tanh.h"

const int32_t *el_cfc(int16_t *h, const int16_t *x, const int32_t *w, int16_t dt,
                      uint32_t pairs, uint32_t neurons, uint32_t f, uint32_t g, uint32_t t);

/* tanh from its argument plus half a segment. */
static inline int16_t el_cfc_head(int32_t z)
{
    return (int16_t)(el_fine_tanh(el_sat16(z)) >> 16);
}

/* The sigmoid from half its argument plus half a segment. */
static inline int16_t el_cfc_gate(int32_t z)
{
    return (int16_t)(((el_fine_tanh(el_sat16(z)) >> 1) + EL_SIGMOID_HALF) >> 16);
}

/* A neuron's new state from the arguments of its three functions, each plus half a segment. */
static inline int16_t el_cfc_neuron(int32_t f, int32_t g, int32_t t)
{
    return el_mix1(el_cfc_head(f), el_cfc_head(g), el_cfc_gate(t));
}

#endif
