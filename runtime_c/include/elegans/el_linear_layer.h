/* SPDX-License-Identifier: 0BSD */
/* y = W x + b, saturated, four rows at a time: the bits of el_linear with one shift.
 *
 *   y      [rows]; must not overlap x
 *   x      [2 pairs] word-aligned
 *   w      for each four rows: their biases, then for each pair of inputs their weights in
 *          these four rows, as EL_PAIR lays them out. The biases include the rounding of the
 *          shift
 *   pairs  half the number of inputs, rounded up; the input that fills up an odd number has
 *          the weight 0
 *   rows   a multiple of four
 *   shift  1..31, from the accumulators' scale to y's
 *
 * Returns the address behind the layer's weights. The exporter proves that no accumulator
 * leaves int32_t, in whatever order the products are added.
 *
 * This is the specification. It is compiled where EL_CORE is EL_PORTABLE; other cores have
 * EL_LINEAR_LAYER in their layers.inc. */
#ifndef EL_LINEAR_LAYER_H
#define EL_LINEAR_LAYER_H

#include <stdint.h>

#include "elegans/el_fixed.h"

const int32_t *el_linear_layer(int16_t *y, const int16_t *x, const int32_t *w,
                               uint32_t pairs, uint32_t rows, uint32_t shift);

#endif
