/* SPDX-License-Identifier: 0BSD */
/* y = h + c, less whole turns: phases, in 32 bits.
 *
 *   y     [2 n] the next phases as halves (el_wide.h), 0..2^30 - 1; may be h
 *   h     [2 n] the phases as halves, 30 fractional bits
 *   c     [n] the change
 *   left  0..14: the fractional bits of a phase less those of c
 *
 * |h| <= 2^30 and |c| 2^14 <= 2^29, so the sum fits. Exact twin of exporter/ops/wrap.py. */
#ifndef EL_WRAP_H
#define EL_WRAP_H

#include <stdint.h>

#include "elegans/el_wide.h"

EL_INLINE void el_wrap(int16_t *y, const int16_t *h, const int16_t *c, uint32_t left, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t moved = el_whole(h, i, n) + el_left(c[i], left);

        el_halves(y, i, n, moved & 0x3FFFFFFF);
    }
}

#endif
