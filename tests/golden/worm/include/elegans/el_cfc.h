/* A layer of CfC neurons, one after the other: the bits of el_linear, el_tanh,
 * el_timed_linear, el_sigmoid and el_mix in turn, without their vectors in between.
 *
 *   h            [neurons] Q0.15; must not overlap x
 *   x            [2 pairs] word-aligned
 *   w            for each neuron: four biases (of f, g, t and t's rate), then for each pair
 *                of inputs their weights in these four. The biases include what rounds, and
 *                half a segment of tanh's table
 *   dt           elapsed time
 *   f, g, t      1..31, shifts from the accumulators to tanh's argument
 *
 * Returns w behind the layer. This is the specification; a core's own kernel, where it has
 * one, is in el_layers.inc. The exporter proves that no accumulator leaves int32_t. */
#ifndef EL_CFC_H
#define EL_CFC_H

#include <stdint.h>

#include "elegans/el_core.h"
#include "elegans/el_mix.h"
#include "elegans/el_sigmoid.h"
#include "elegans/el_tanh.h"

const int32_t *el_cfc(int16_t *h, const int16_t *x, const int32_t *w, int16_t dt,
                      uint32_t pairs, uint32_t neurons, uint32_t f, uint32_t g, uint32_t t);

/* f, g and t's argument, shifted, to h. */
static inline int16_t el_cfc_neuron(int32_t f, int32_t g, int32_t t)
{
    const int16_t gate = (int16_t)(((el_fine_tanh(el_sat16(t)) >> 1) + EL_SIGMOID_HALF) >> 16);
    const int16_t from = (int16_t)(el_fine_tanh(el_sat16(f)) >> 16);
    const int16_t to = (int16_t)(el_fine_tanh(el_sat16(g)) >> 16);

    return el_mix1(from, to, gate);
}

#endif
