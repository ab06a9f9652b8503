/* SPDX-License-Identifier: 0BSD */
/* y = W x + b, saturated, four rows at a time, with int8 weights: the bits of el_linear8 with one shift.
 *
 *   y      [rows] ; must not overlap x
 *   x      [2 first], and `skip` elements behind these [2 pairs]; word-aligned both
 *   w      for each four rows their biases and weights, as el_bytes.h has them. The biases
 *          include the rounding of the shift
 *   first  pairs of inputs whose weights have a power of two for each row, or 0
 *   pairs  pairs of the other inputs, or 0
 *   rows   a multiple of four
 *   shift  1..31, from the accumulators to y
 *
 * Returns the address behind the layer's weights. The exporter proves that no accumulator
 * leaves int32_t, in whatever order the products are added.
 *
 * This is the specification. It is compiled where EL_CORE is EL_PORTABLE; other cores have
 * EL_LINEAR_LAYER8 in their layers8.inc. */
#ifndef EL_LINEAR_LAYER8_H
#define EL_LINEAR_LAYER8_H

#include <stdint.h>

#include "elegans/el_bytes.h"
#include "elegans/el_fixed.h"

const int32_t *el_linear_layer8(int16_t *y, const int16_t *x, const int32_t *w,
                            uint32_t first, int32_t skip, uint32_t pairs, uint32_t rows,
                            uint32_t shift);

#endif
