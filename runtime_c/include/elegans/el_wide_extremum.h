/* SPDX-License-Identifier: 0BSD */
/* y[i] = the greater of a[i] and b[i], or the lesser, held where its upper half is lo..hi.
 *
 *   y       [2 n] halves (el_wide.h); may be a or b
 *   a, b    [2 n] halves, at one scale
 *   lo, hi  [n] more than -2^15: the least and the greatest upper half
 *   sign    1 for the greater, -1 for the lesser
 *
 * Exact twin of exporter/ops/wide_extremum.py. */
#ifndef EL_WIDE_EXTREMUM_H
#define EL_WIDE_EXTREMUM_H

#include <stdint.h>

#include "elegans/el_wide.h"

EL_INLINE void el_wide_extremum(int16_t *y, const int16_t *a, const int16_t *b, const int16_t *lo,
                                const int16_t *hi, int32_t sign, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t one = el_whole(a, i, n);
        const int32_t other = el_whole(b, i, n);
        const int32_t found = (sign > 0) ? el_greater(one, other) : el_lesser(one, other);

        el_halves(y, i, n, el_held(found, el_left(lo[i], 16U), el_left(hi[i], 16U)));
    }
}

#endif
