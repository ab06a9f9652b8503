/* Layers of CfC neurons in as little flash as it takes, with int8 weights: the bits of
 * el_linear8, el_tanh, el_timed_linear8, el_sigmoid and el_mix in turn.
 *
 *   v        inputs and states, where `layer` says
 *   next     [most neurons of a layer] room for new states while the old ones are read
 *   wired    [most inputs of a layer] room for those that a neuron's f and g have synapses from
 *   dt       [1] elapsed time; NULL where t is one map, without a rate
 *   layer    [layers] in their order
 *   w        of each neuron: of f, then g, its synapses; of t, then its rate, all inputs
 *   bias     of each neuron: of f, g, t and its rate, at the accumulators' scales
 *   row      of each neuron: a bit an input, from a byte of its own, set where f and g have a
 *            synapse, one at least; then the shifts of f, g and t, 0..30
 *
 * The exporter proves that no accumulator leaves int32_t, partial sums in any order and
 * rounding included. */
#ifndef EL_CFC_COMPACT8_H
#define EL_CFC_COMPACT8_H

#include <stdint.h>

#include "elegans/el_compact.h"

void el_cfc_compact8(int16_t *v, int16_t *next, int16_t *wired, const int16_t *dt,
                     const el_compact_layer *layer, uint32_t layers,
                     const int8_t *w, const int32_t *bias, const uint8_t *row);

#endif
