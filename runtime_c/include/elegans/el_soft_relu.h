/* SPDX-License-Identifier: 0BSD */
/* y[i] = max(z[i], 0) + c(z[i]), rounded half up and saturated: silu, gelu, softplus and their like.
 *
 *   y       [n] 15 - right[i] fractional bits; may be z
 *   z       [n] 15 - left[i] fractional bits, any value
 *   pieces  [128][2] the curve c in Q1.30, plus half a unit of 15 fractional bits, over
 *           [-2^reach, 2^reach); it is constant outside. Segment i holds value and slope, and the
 *           lower half of slope is bend, an int16_t: with J the position in the segment,
 *           -32768..32767 from its centre, c is value + ((slope + bend J) J >> 16)
 *   left    [n] 0..15
 *   right   [n] 0..15
 *   reach   2..4
 *
 * |z 2^left| <= 2^30 and |c| < 2 (2^15 with 15 fractional bits less), so their sum with rounding
 * fits int32_t. The sums of a segment do for each table that exporter/numbers/soft_curves.py
 * makes: tests/exporter/ops/test_soft_relu.py tries all arguments. Exact twin of
 * exporter/ops/soft_relu.py. */
#ifndef EL_SOFT_RELU_H
#define EL_SOFT_RELU_H

#include <stdint.h>

void el_soft_relu(int16_t *y, const int16_t *z, const int32_t *pieces, const uint8_t *left,
                  const uint8_t *right, uint32_t reach, uint32_t n);

#endif
