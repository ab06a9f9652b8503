/* y = W x + b, four rows at a time: the bits of el_linear.
 *
 *   y      [rows]; must not overlap x
 *   x      [2 pairs] word-aligned
 *   w      for each four rows: their biases, then for each pair of inputs the weights in
 *          these four. The biases include what rounds
 *   rows   a multiple of four
 *   shift  1..31, from the accumulators to y
 *
 * Returns w behind the layer. The exporter proves that no accumulator leaves int32_t. */
#ifndef EL_LINEAR_LAYER_H
#define EL_LINEAR_LAYER_H

#include <stdint.h>

#include "elegans/el_fixed.h"

const int32_t *el_linear_layer(int16_t *y, const int16_t *x, const int32_t *w,
                               uint32_t pairs, uint32_t rows, uint32_t shift);

#endif
