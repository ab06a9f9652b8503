/* SPDX-License-Identifier: 0BSD */
/* y = u h + c as el_keep, with a c of 32 bits.
 *
 *   c      [2 n] halves (el_wide.h); must not overlap y
 *   left   -30..15: the fractional bits of the sum, less those of c in 32 bits
 *   most   beyond it, in units of the sum, c saturates
 *
 * and the rest as there. Exact twin of exporter/ops/wide_keep.py. */
#ifndef EL_WIDE_KEEP_H
#define EL_WIDE_KEEP_H

#include <stdint.h>

#include "elegans/el_incoming.h"

EL_INLINE void el_wide_keep(int16_t *y, const int16_t *h, const int16_t *u, const int16_t *c,
                            const int16_t *lo, const int16_t *hi, uint32_t room, uint32_t down,
                            int32_t left, int32_t most, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t kept = el_upper_product(el_whole(h, i, n), u[i]) >> down;
        const int32_t moved = kept + el_incoming(el_whole(c, i, n), left, most);
        const int32_t held = el_held(moved, el_left(lo[i], 16U - room), el_left(hi[i], 16U - room));

        el_halves(y, i, n, el_left(held, room));
    }
}

#endif
