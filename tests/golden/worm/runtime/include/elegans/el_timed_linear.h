/* SPDX-License-Identifier: 0BSD */
/* z = W x + b + dt (R x + c): how elapsed time enters a CfC, before the sigmoid.
 *
 *   z      [rows] any scale; must not overlap x
 *   x      [cols]
 *   dt     [1] elapsed time
 *   w, r   [rows][cols]
 *   b, c   [rows] each at its accumulator's scale
 *   shift  [rows] 0..30, from the scale of the accumulator of W x + b to z's
 *
 * The rate R x + c is the upper half of its accumulator, rounded; its product with dt has the
 * scale of the accumulator of W x + b. The exporter proves that neither accumulator leaves
 * int32_t, partial sums and rounding included.
 *
 * Exact twin of exporter/ops/timed_linear.py. */
#ifndef EL_TIMED_LINEAR_H
#define EL_TIMED_LINEAR_H

#include <stdint.h>

void el_timed_linear(int16_t *z, const int16_t *x, const int16_t *dt,
                     const int16_t *w, const int32_t *b, const int16_t *r, const int32_t *c,
                     const uint8_t *shift, uint32_t cols, uint32_t rows);

#endif
