/* SPDX-License-Identifier: 0BSD */
/* A layer of CfC neurons with int8 weights in one pass: the bits of el_linear8, el_tanh,
 * el_timed_linear8, el_sigmoid and el_mix in turn, without the vectors between them.
 *
 *   h              [neurons] Q0.15; must not overlap x, unless neurons is 1
 *   x              [2 first], and `skip` elements behind these [2 pairs]; word-aligned both
 *   w              for each neuron its biases and weights in the maps f, g, t and the rate of t,
 *                  as el_bytes.h has them. The biases include the rounding of the shift that
 *                  follows, and those of f, g and t half a segment of tanh's table
 *   dt             elapsed time
 *   first          pairs of inputs whose weights have a power of two for each row, or 0
 *   pairs          pairs of the other inputs, or 0
 *   f, g, t        1..31, shifts from the accumulators to the arguments of tanh
 *   still, moving  0..7, lifts of the sums of t and of its rate
 *
 * Returns the address behind the layer's weights. The exporter proves that no accumulator
 * leaves int32_t, in whatever order the products are added.
 *
 * This is the specification. It is compiled where EL_CORE is EL_PORTABLE; other cores have
 * EL_CFC8 in their layers8.inc. */
#ifndef EL_CFC8_H
#define EL_CFC8_H

#include <stdint.h>

#include "elegans/el_bytes.h"
#include "elegans/el_cfc.h"

const int32_t *el_cfc8(int16_t *h, const int16_t *x, const int32_t *w, int16_t dt,
                       uint32_t first, int32_t skip, uint32_t pairs, uint32_t neurons,
                       uint32_t f, uint32_t g, uint32_t t, uint32_t still, uint32_t moving);

#endif
