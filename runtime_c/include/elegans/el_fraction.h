/* SPDX-License-Identifier: 0BSD */
/* y[i] = x[i] - floor(x[i]).
 *
 *   y     [n] with frac fractional bits; may be x
 *   x     [n] with frac fractional bits
 *   frac  0..15
 *
 * Exact twin of exporter/ops/fraction.py. */
#ifndef EL_FRACTION_H
#define EL_FRACTION_H

#include <stdint.h>

void el_fraction(int16_t *y, const int16_t *x, uint32_t frac, uint32_t n);

#endif
