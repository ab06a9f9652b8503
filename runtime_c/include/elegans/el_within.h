/* SPDX-License-Identifier: 0BSD */
/* y[i] = 1 where lo <= x[i] <= hi, else 0.
 *
 *   y       [n] may be x
 *   x       [n] any scale
 *   lo, hi  -32768 <= lo <= hi <= 32767
 *
 * Exact twin of exporter/ops/within.py. */
#ifndef EL_WITHIN_H
#define EL_WITHIN_H

#include <stdint.h>

void el_within(int16_t *y, const int16_t *x, int32_t lo, int32_t hi, uint32_t n);

#endif
