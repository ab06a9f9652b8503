/* SPDX-License-Identifier: 0BSD */
/* y = h + c, held where its upper half is lo..hi: states go on by a change, in 32 bits.
 *
 *   y       [2 n] the next states as halves (el_wide.h); may be h
 *   h       [2 n] the states as halves
 *   c       [n] the change
 *   lo, hi  [n] -32767 <= lo[i] <= hi[i]: the least and the greatest upper half
 *   left    0..16: the fractional bits of h in 32 bits, less those of c
 *
 * The exporter proves that h + c 2^left fits before it is held. Exact twin of
 * exporter/ops/advance.py. */
#ifndef EL_ADVANCE_H
#define EL_ADVANCE_H

#include <stdint.h>

#include "elegans/el_wide.h"

EL_INLINE void el_advance(int16_t *y, const int16_t *h, const int16_t *c, const int16_t *lo,
                          const int16_t *hi, uint32_t left, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t change = (uint32_t)(int32_t)c[i] << left;
        const int32_t moved = (int32_t)((uint32_t)el_whole(h, i, n) + change);

        el_halves(y, i, n, el_held(moved, el_left(lo[i], 16U), el_left(hi[i], 16U)));
    }
}

#endif
