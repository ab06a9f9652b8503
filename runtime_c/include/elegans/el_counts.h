/* SPDX-License-Identifier: 0BSD */
/* y[i] = x[i], clamped to [lo[i], hi[i]], times 2^left[i]: raw counts of a sensor, which then fill
 * int16 as all other inputs do.
 *
 *   y       [n] may be x
 *   x       [n] any value
 *   lo, hi  [n] lo[i] <= hi[i]; both times 2^left[i] fit int16
 *   left    [n] 0..15
 *
 * Exact twin of exporter/ops/counts.py. */
#ifndef EL_COUNTS_H
#define EL_COUNTS_H

#include <stdint.h>

void el_counts(int16_t *y, const int16_t *x, const int16_t *lo, const int16_t *hi,
    const uint8_t *left, uint32_t n);

#endif
