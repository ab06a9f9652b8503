/* SPDX-License-Identifier: 0BSD */
/* z = W x + b + dt (R x + c): as el_timed_linear, with accumulators of 64 bits.
 *
 *   z      [rows] any scale; must not overlap x
 *   x      [cols]
 *   dt     [1] elapsed time
 *   w, r   [rows][cols]
 *   b, c   [rows] each at its accumulator's scale
 *   shift  [rows] 12..30, from the scale of the accumulator of W x + b to z's
 *
 * The rate R x + c is its accumulator / 2^16, rounded to an int32_t; its product with dt has the
 * scale of the accumulator of W x + b. The exporter proves that neither accumulator reaches 2^43,
 * partial sums and rounding included.
 *
 * Exact twin of exporter/ops/long_timed_linear.py. */
#ifndef EL_LONG_TIMED_LINEAR_H
#define EL_LONG_TIMED_LINEAR_H

#include <stdint.h>

void el_long_timed_linear(int16_t *z, const int16_t *x, const int16_t *dt,
                          const int16_t *w, const int32_t *b, const int16_t *r, const int32_t *c,
                          const uint8_t *shift, uint32_t cols, uint32_t rows);

#endif
