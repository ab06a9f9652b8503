/* SPDX-License-Identifier: 0BSD */
/* y = W x + b in 32 bits, every weight stored, with an accumulator of 64 bits.
 *
 *   y      [2 rows] halves (el_wide.h), any scale; must not overlap x
 *   x      [cols]
 *   w      [rows][cols]
 *   bias   [rows] at the accumulator's scale
 *   shift  [rows] 13..30, from the accumulator's scale to that of y's upper halves
 *
 * The exporter proves sum|w| max|x| + |bias| + rounding < 2^43 for every row, and that y fits its
 * halves. Exact twin of exporter/ops/wide_linear.py. */
#ifndef EL_WIDE_LINEAR_H
#define EL_WIDE_LINEAR_H

#include <stdint.h>

void el_wide_linear(int16_t *y, const int16_t *x,
                    const int16_t *w, const int32_t *bias, const uint8_t *shift,
                    uint32_t cols, uint32_t rows);

#endif
