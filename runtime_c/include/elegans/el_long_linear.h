/* SPDX-License-Identifier: 0BSD */
/* y = W x + b, every weight stored, with an accumulator of 64 bits.
 *
 *   y      [rows] any scale; must not overlap x
 *   x      [cols]
 *   w      [rows][cols]
 *   bias   [rows] at the accumulator's scale
 *   shift  [rows] 12..30, from the accumulator's scale to y's
 *
 * The exporter proves sum|w| max|x| + |bias| + rounding < 2^43 for every row.
 * Exact twin of exporter/ops/long_linear.py. */
#ifndef EL_LONG_LINEAR_H
#define EL_LONG_LINEAR_H

#include <stdint.h>

void el_long_linear(int16_t *y, const int16_t *x,
                    const int16_t *w, const int32_t *bias, const uint8_t *shift,
                    uint32_t cols, uint32_t rows);

#endif
