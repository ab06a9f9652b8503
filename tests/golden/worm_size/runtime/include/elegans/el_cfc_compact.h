/* SPDX-License-Identifier: 0BSD */
/* Layers of CfC neurons in as little flash as possible: the bits of el_linear, el_tanh,
 * el_timed_linear, el_sigmoid and el_mix in turn.
 *
 *   v        inputs and states, where `layer` says
 *   next     [most neurons of a layer] room for new states while the old ones are still read
 *   wired    [most inputs of a layer] room for the inputs from which a neuron's f and g have
 *            synapses
 *   dt       [1] elapsed time; NULL for a fixed sample period, where t has no rate
 *   layer    [layers] in the order of computation
 *   w        for each neuron the weights of f, then of g, of its synapses only; then those of t
 *            and, if dt is not NULL, of t's rate, of all inputs
 *   bias     for each neuron those of f, g, t and, if dt is not NULL, t's rate, at the
 *            accumulators' scales
 *   row      for each neuron a bit for each input, the first in the lowest bit of the first
 *            byte, filled up to a whole byte: set if f and g have a synapse from it, at least
 *            one bit; then three bytes, the shifts of f, g and t, 0..30
 *
 * The exporter proves that no accumulator leaves int32_t, partial sums in any order and
 * rounding included. */
#ifndef EL_CFC_COMPACT_H
#define EL_CFC_COMPACT_H

#include <stddef.h>
#include <stdint.h>

#include "elegans/el_compact.h"

void el_cfc_compact(int16_t *v, int16_t *next, int16_t *wired, const int16_t *dt,
                    const el_compact_layer *layer, uint32_t layers,
                    const int16_t *w, const int32_t *bias, const uint8_t *row);

#endif
