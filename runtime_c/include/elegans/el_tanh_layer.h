/* SPDX-License-Identifier: 0BSD */
/* y = tanh(W x + b), four rows at a time: the bits of el_linear and el_tanh in turn.
 *
 *   y      [rows] Q0.15; must not overlap x
 *   x      [2 pairs] word-aligned
 *   w      for each four rows: their biases, then for each pair of inputs their weights in
 *          these four rows, as EL_PAIR lays them out. The biases include the rounding of the
 *          shift and half a segment of tanh's table
 *   pairs  half the number of inputs, rounded up; the input that fills up an odd number has
 *          the weight 0
 *   rows   a multiple of four
 *   shift  1..31, from the accumulators to tanh's argument
 *
 * Returns the address behind the layer's weights. The exporter proves that no accumulator
 * leaves int32_t, in whatever order the products are added.
 *
 * This is the specification. It is compiled where EL_CORE is EL_PORTABLE; other cores have
 * EL_TANH_LAYER in their layers.inc. */
#ifndef EL_TANH_LAYER_H
#define EL_TANH_LAYER_H

#include <stdint.h>

#include "elegans/el_core.h"
#include "elegans/el_tanh.h"

const int32_t *el_tanh_layer(int16_t *y, const int16_t *x, const int32_t *w,
                             uint32_t pairs, uint32_t rows, uint32_t shift);

#endif
