/* SPDX-License-Identifier: 0BSD */
/* y = u h + c, held where its upper half is lo..hi: states keep a part of themselves, in 32 bits.
 *
 *   y       [2 n] the next states as halves (el_wide.h); may be h
 *   h       [2 n] the states as halves
 *   u       [n] the part that is kept, with down + 16 - room fractional bits
 *   c       [n] what comes in
 *   lo, hi  [n] -32767 <= lo[i] <= hi[i]: the least and the greatest upper half
 *   room    1..15: sums are in units of 2^room of h
 *   down    0..30
 *   left    0..15: the fractional bits of h in 32 bits, less room and those of c
 *
 * The exporter proves that no sum leaves int32. Exact twin of exporter/ops/keep.py. */
#ifndef EL_KEEP_H
#define EL_KEEP_H

#include <stdint.h>

#include "elegans/el_wide.h"

EL_INLINE void el_keep(int16_t *y, const int16_t *h, const int16_t *u, const int16_t *c,
                       const int16_t *lo, const int16_t *hi, uint32_t room, uint32_t down,
                       uint32_t left, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t kept = el_upper_product(el_whole(h, i, n), u[i]) >> down;
        const int32_t moved = kept + el_left(c[i], left);
        const int32_t held = el_held(moved, el_left(lo[i], 16U - room), el_left(hi[i], 16U - room));

        el_halves(y, i, n, el_left(held, room));
    }
}

#endif
