/* SPDX-License-Identifier: 0BSD */
/* y[i] = num[i] / den[i], rounded half up and clamped to [lo[i], hi[i]].
 *
 *   y         [n] with frac fractional bits; may be num or den
 *   num, den  [n] at one scale; den at least 0, where 0 counts as 1
 *   lo, hi    [n] the hull that the quotient does not leave in real numbers
 *   frac      0..15: |num| * 2^15 + den / 2 is below 2^31
 *
 * One 32-bit division an element. Exact twin of exporter/ops/quotient.py. */
#ifndef EL_QUOTIENT_H
#define EL_QUOTIENT_H

#include <stdint.h>

void el_quotient(int16_t *y, const int16_t *num, const int16_t *den, const int16_t *lo,
                 const int16_t *hi, uint32_t frac, uint32_t n);

#endif
