/* SPDX-License-Identifier: 0BSD */
/* y = h + c as el_advance, with a c of 32 bits.
 *
 *   c      [2 n] halves (el_wide.h); must not overlap y
 *   left   -30..15: the fractional bits of h, less those of c, both in 32 bits
 *   most   beyond it, in units of h, c saturates
 *
 * and the rest as there. Exact twin of exporter/ops/wide_advance.py. */
#ifndef EL_WIDE_ADVANCE_H
#define EL_WIDE_ADVANCE_H

#include <stdint.h>

#include "elegans/el_incoming.h"

EL_INLINE void el_wide_advance(int16_t *y, const int16_t *h, const int16_t *c, const int16_t *lo,
                               const int16_t *hi, int32_t left, int32_t most, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t moved = el_whole(h, i, n) + el_incoming(el_whole(c, i, n), left, most);

        el_halves(y, i, n, el_held(moved, el_left(lo[i], 16U), el_left(hi[i], 16U)));
    }
}

#endif
