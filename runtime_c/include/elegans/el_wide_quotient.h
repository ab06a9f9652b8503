/* SPDX-License-Identifier: 0BSD */
/* y = (n / d) 2^raised, held where its upper half is lo..hi, in 32 bits.
 *
 *   y         [2 n] halves (el_wide.h); may be num or den
 *   num, den  [2 n] halves; den below 1 counts as 1
 *   raised    [n] what the scales of num, den and y make of a quotient
 *   lo, hi    [n] -2^14..2^14: the least and the greatest upper half
 *
 * Leading zeros are shifted out of both, so that the quotient has 15 bits or more, by one 32-bit
 * division an element. Exact twin of exporter/ops/wide_quotient.py. */
#ifndef EL_WIDE_QUOTIENT_H
#define EL_WIDE_QUOTIENT_H

#include <stdint.h>

#include "elegans/el_divide.h"
#include "elegans/el_wide.h"

EL_INLINE void el_wide_quotient(int16_t *y, const int16_t *num, const int16_t *den,
                                const int16_t *raised, const int16_t *lo, const int16_t *hi,
                                uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t over = el_whole(num, i, n);
        const int32_t under = el_greater(el_whole(den, i, n), 1);
        const int32_t sign = el_mask(over);
        const int32_t size = (over ^ sign) - sign;
        const int32_t up = el_leading_zeros(size);
        const int32_t down = el_leading_zeros(under);
        const uint32_t top = (uint32_t)size << up;
        const uint32_t bottom = (((uint32_t)under << down) + 0x4000U) >> 15;
        const int32_t left = (down - up) + (raised[i] - 15);
        const int32_t far = el_mask(15 - left) & 0xFFFF; /* beyond lo and hi */
        const int32_t q = el_upto16((int32_t)el_udiv(top + (bottom >> 1), bottom)) | far;
        const int32_t found = el_rshr(el_left(q, (uint32_t)el_upto4(left)),
                                      (uint32_t)el_upto5(-left));

        el_halves(y, i, n,
                  el_held((found ^ sign) - sign, el_left(lo[i], 16U), el_left(hi[i], 16U)));
    }
}

#endif
