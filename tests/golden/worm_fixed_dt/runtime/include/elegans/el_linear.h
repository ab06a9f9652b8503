/* SPDX-License-Identifier: 0BSD */
/* y = W x + b, every weight stored.
 *
 *   y      [rows] any scale; must not overlap x
 *   x      [cols]
 *   w      [rows][cols]
 *   bias   [rows] at the accumulator's scale
 *   shift  [rows] 0..30, from the accumulator's scale to y's
 *
 * The exporter proves sum|w| max|x| + |bias| + rounding < 2^31 for every row, which bounds
 * each partial sum, so int32_t is enough in any order of the products.
 *
 * Exact twin of exporter/ops/linear.py. */
#ifndef EL_LINEAR_H
#define EL_LINEAR_H

#include <stdint.h>

#include "elegans/el_dot.h"

/* The same inline, for a row or two: where the compiler knows the numbers, there are no loops. */
static inline void el_linear_few(int16_t *y, const int16_t *x,
                                 const int16_t *w, const int32_t *bias, const uint8_t *shift,
                                 uint32_t cols, uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++) {
        y[r] = el_sat16(el_rshr(el_dot(bias[r], w, x, cols), shift[r]));
        w += cols;
    }
}

void el_linear(int16_t *y, const int16_t *x,
               const int16_t *w, const int32_t *bias, const uint8_t *shift,
               uint32_t cols, uint32_t rows);

#endif
