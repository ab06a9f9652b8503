/* SPDX-License-Identifier: 0BSD */
/* y = tanh(W x + b), four rows at a time, with int8 weights: the bits of el_linear8 and el_tanh in turn.
 *
 *   y      [rows] Q0.15; must not overlap x
 *   x      [2 first], and `skip` elements behind these [2 pairs]; word-aligned both
 *   w      for each four rows their biases and weights, as el_bytes.h has them. The biases
 *          include the rounding of the shift and half a segment of tanh's table
 *   first  pairs of inputs whose weights have a power of two for each row, or 0
 *   pairs  pairs of the other inputs, or 0
 *   rows   a multiple of four
 *   shift  1..31, from the accumulators to tanh's argument
 *
 * Returns the address behind the layer's weights. The exporter proves that no accumulator
 * leaves int32_t, in whatever order the products are added.
 *
 * This is the specification. It is compiled where EL_CORE is EL_PORTABLE; other cores have
 * EL_TANH_LAYER8 in their layers8.inc. */
#ifndef EL_TANH_LAYER8_H
#define EL_TANH_LAYER8_H

#include <stdint.h>

#include "elegans/el_bytes.h"
#include "elegans/el_tanh.h"

const int32_t *el_tanh_layer8(int16_t *y, const int16_t *x, const int32_t *w,
                            uint32_t first, int32_t skip, uint32_t pairs, uint32_t rows,
                            uint32_t shift);

#endif
