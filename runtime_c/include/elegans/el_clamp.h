/* SPDX-License-Identifier: 0BSD */
/* y[i] = x[i], clamped to [lo[i], hi[i]]: a raw input inside the range that the proofs assume.
 *
 *   y       [n] may be x
 *   x       [n] any value
 *   lo, hi  [n] lo[i] <= hi[i]
 *
 * Exact twin of exporter/ops/clamp.py. */
#ifndef EL_CLAMP_H
#define EL_CLAMP_H

#include <stdint.h>

void el_clamp(int16_t *y, const int16_t *x, const int16_t *lo, const int16_t *hi, uint32_t n);

#endif
