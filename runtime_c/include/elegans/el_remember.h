/* SPDX-License-Identifier: 0BSD */
/* y = A h + c, held where its upper half is lo..hi: a linear memory, in more than 16 bits.
 *
 *   y          [2 n] the next states as halves (el_wide.h); must not overlap h
 *   h          [2 n] the states as halves, in one format
 *   c          [n] what comes in
 *   w, w_fine  [n][n] A = 2^(room - 16) (w + w_fine 2^-digits)
 *   lo, hi     [n] -32767 <= lo[i] <= hi[i]: the least and the greatest upper half
 *   room       1..15: sums are in units of 2^room of h
 *   digits     1..12
 *   left       0..15: the fractional bits of h in 32 bits, less room and those of c
 *
 * The exporter proves that no sum leaves int32. Exact twin of exporter/ops/remember.py. */
#ifndef EL_REMEMBER_H
#define EL_REMEMBER_H

#include <stdint.h>

#include "elegans/el_dot.h"
#include "elegans/el_wide.h"

EL_INLINE void el_remember(int16_t *y, const int16_t *h, const int16_t *c, const int16_t *w,
                           const int16_t *w_fine, const int16_t *lo, const int16_t *hi,
                           uint32_t room, uint32_t digits, uint32_t left, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t upper = el_dot(el_left(c[i], left), w, h, n);
        const int32_t lower = (el_dot(0, w, h + n, n) >> 16) + (el_dot(0, w_fine, h, n) >> digits);
        const int32_t least = el_left(lo[i], 16U - room), most = el_left(hi[i], 16U - room);

        el_halves(y, i, n, el_left(el_held(upper + lower, least, most), room));
        w += n;
        w_fine += n;
    }
}

#endif
