/* SPDX-License-Identifier: 0BSD */
/* y = u h + v g + c, held where its upper half is lo..hi: states turn with others, in 32 bits.
 *
 *   y       [2 n] the next states as halves (el_wide.h); must not overlap h or g
 *   h, g    [2 n] states as halves, in one format
 *   u, v    [n] with down + 16 - room fractional bits
 *   c       [n] what comes in
 *   lo, hi  [n] -32767 <= lo[i] <= hi[i]: the least and the greatest upper half
 *   room    1..15: sums are in units of 2^room of h
 *   down    0..30
 *   left    0..15: the fractional bits of h in 32 bits, less room and those of c
 *
 * The exporter proves that no sum leaves int32. Exact twin of exporter/ops/turn.py. */
#ifndef EL_TURN_H
#define EL_TURN_H

#include <stdint.h>

#include "elegans/el_wide.h"

EL_INLINE void el_turn(int16_t *y, const int16_t *h, const int16_t *u, const int16_t *g,
                       const int16_t *v, const int16_t *c, const int16_t *lo, const int16_t *hi,
                       uint32_t room, uint32_t down, uint32_t left, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t kept = el_upper_product(el_whole(h, i, n), u[i]) >> down;
        const int32_t turned = el_upper_product(el_whole(g, i, n), v[i]) >> down;
        const int32_t moved = kept + turned + el_left(c[i], left);
        const int32_t held = el_held(moved, el_left(lo[i], 16U - room), el_left(hi[i], 16U - room));

        el_halves(y, i, n, el_left(held, room));
    }
}

#endif
