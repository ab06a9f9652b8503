/* SPDX-License-Identifier: 0BSD */
/* Elapsed time as mantissa and exponent, so that a short one has as many digits as a long one.
 *
 *   t       [2] m in 2^14..2^15 - 1 and e in 0..30, so that dt = m 2^(16 - e), rounded down;
 *           0 and 31 for dt = 0
 *   dt      elapsed time, any value
 *   lo, hi  0..2^31 - 1: dt is held between them
 *
 * Exact twin of exporter/ops/elapsed.py. */
#ifndef EL_ELAPSED_H
#define EL_ELAPSED_H

#include <stdint.h>

void el_elapsed(int16_t *t, int32_t dt, int32_t lo, int32_t hi);

#endif
