/* SPDX-License-Identifier: 0BSD */
/* y = W x + b, every weight stored, with int8 weights.
 *
 *   y      [rows] any scale; must not overlap x
 *   x      [cols]
 *   w      [rows][cols]; in the first `split` columns a weight is w 2^lift
 *   bias   [rows] at the accumulator's scale
 *   shift  [rows] 0..30, from the accumulator's scale to y's
 *   lift   [rows] 0..7
 *   split  0..cols
 *
 * The exporter proves sum|weight| max|x| + |bias| + rounding < 2^31 for every row, which bounds
 * each partial sum, so int32_t is enough in any order of the products. Exact twin of
 * exporter/ops/linear8.py. */
#ifndef EL_LINEAR8_H
#define EL_LINEAR8_H

#include <stdint.h>

void el_linear8(int16_t *y, const int16_t *x,
                const int8_t *w, const int32_t *bias, const uint8_t *shift, const uint8_t *lift,
                uint32_t cols, uint32_t rows, uint32_t split);

#endif
