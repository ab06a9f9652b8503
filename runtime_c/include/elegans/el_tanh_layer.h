/* y = tanh(W x + b), four rows at a time: the bits of el_linear and el_tanh in turn.
 *
 *   y      [rows] Q0.15; must not overlap x
 *   x      [2 pairs] word-aligned
 *   w      for each four rows: their biases, then for each pair of inputs the weights in
 *          these four. The biases include what rounds, and half a segment of tanh's table
 *   rows   a multiple of four
 *   shift  1..31, from the accumulators to tanh's argument
 *
 * Returns w behind the layer. The exporter proves that no accumulator leaves int32_t. */
#ifndef EL_TANH_LAYER_H
#define EL_TANH_LAYER_H

#include <stdint.h>

#include "elegans/el_core.h"
#include "elegans/el_tanh.h"

const int32_t *el_tanh_layer(int16_t *y, const int16_t *x, const int32_t *w,
                             uint32_t pairs, uint32_t rows, uint32_t shift);

#endif
