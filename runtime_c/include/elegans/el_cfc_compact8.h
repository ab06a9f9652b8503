/* SPDX-License-Identifier: 0BSD */
/* Layers of CfC neurons in as little flash as possible, with int8 weights: the bits of
 * el_linear8, el_tanh, el_timed_linear8, el_sigmoid and el_mix in turn.
 *
 *   v        inputs and states, where `layer` says
 *   next     [most neurons of a layer] room for new states while the old ones are still read
 *   wired    [most inputs of a layer] room for the inputs from which a neuron's f and g have
 *            synapses
 *   dt       [1] elapsed time; NULL for a fixed sample period, where t has no rate
 *   layer    [layers] in the order of computation
 *   w, bias  as in el_cfc_compact.h
 *   row      as in el_cfc_compact.h; and in a layer with first inputs, behind each neuron's
 *            shifts, the lifts of their weights in the maps f, g, t and the rate of t, 0..7 each,
 *            and how many of them f and g have synapses from, 0..255. Four bytes more must be
 *            readable
 *
 * The exporter proves that no accumulator leaves int32_t, partial sums in any order and
 * rounding included. */
#ifndef EL_CFC_COMPACT8_H
#define EL_CFC_COMPACT8_H

#include <stddef.h>
#include <stdint.h>

#include "elegans/el_compact.h"

/* A layer reads v[from .. from + inputs) and writes v[to .. to + neurons). The weights of its
 * `first` inputs have a power of two for each row. `whole` has four bits for each map, f in the
 * lowest ones: the lift of all its weights, 0..7. */
typedef struct {
    uint16_t from, inputs, to, neurons, first, whole;
} el_compact8_layer;

void el_cfc_compact8(int16_t *v, int16_t *next, int16_t *wired, const int16_t *dt,
                     const el_compact8_layer *layer, uint32_t layers,
                     const int8_t *w, const int32_t *bias, const uint8_t *row);

#endif
