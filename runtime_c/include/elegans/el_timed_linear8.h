/* SPDX-License-Identifier: 0BSD */
/* z = W x + b + dt (R x + c), with int8 weights: how elapsed time enters a CfC, before the
 * sigmoid.
 *
 *   z         [rows] any scale; must not overlap x
 *   x         [cols]
 *   dt        [1] elapsed time
 *   w, r      [rows][cols]; a weight of W is w 2^still, one of R is r 2^moving, and in the first
 *             `split` columns these are lifted by a power of two more
 *   b, c      [rows] each at its accumulator's scale
 *   shift     [rows] 0..30, from the scale of the accumulator of W x + b to z's
 *   lift      [rows][2] 0..7, of W and of R
 *   split     0..cols
 *   still, moving  0..7
 *
 * The rate R x + c is the upper half of its accumulator, rounded; its product with dt has the
 * scale of the accumulator of W x + b. The exporter proves that neither accumulator leaves
 * int32_t, partial sums and rounding included. Exact twin of exporter/ops/timed_linear8.py. */
#ifndef EL_TIMED_LINEAR8_H
#define EL_TIMED_LINEAR8_H

#include <stdint.h>

void el_timed_linear8(int16_t *z, const int16_t *x, const int16_t *dt,
                      const int8_t *w, const int32_t *b, const int8_t *r, const int32_t *c,
                      const uint8_t *shift, const uint8_t *lift,
                      uint32_t cols, uint32_t rows, uint32_t split,
                      uint32_t still, uint32_t moving);

#endif
