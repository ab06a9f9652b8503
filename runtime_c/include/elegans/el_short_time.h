/* SPDX-License-Identifier: 0BSD */
/* A 32-bit elapsed time in 16 bits, which sums of products read.
 *
 *   t       [1] dt / 2^16, rounded, in 0..32767
 *   dt      elapsed time, any value
 *   lo, hi  0..2^31 - 1: dt is held between them
 *
 * Exact twin of exporter/ops/short_time.py. */
#ifndef EL_SHORT_TIME_H
#define EL_SHORT_TIME_H

#include <stdint.h>

void el_short_time(int16_t *t, int32_t dt, int32_t lo, int32_t hi);

#endif
