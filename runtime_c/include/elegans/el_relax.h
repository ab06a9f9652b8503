/* SPDX-License-Identifier: 0BSD */
/* y = h + s (g - h): leaky integrators go a share s of their way to g, their states in 32 bits.
 *
 *   y     [2 n] the next states as halves (el_wide.h); may be h
 *   h     [2 n] the states as halves
 *   g     [n] in the format of the upper halves
 *   s     [2 n] shares: mantissas in 0..32767, then exponents in 0..17, m 2^-(15 + e)
 *
 * |m (g - h)| + 2^16 < 2^31, and the upper half stays between its old value and g: see
 * exporter/ops/relax.py, the exact twin. */
#ifndef EL_RELAX_H
#define EL_RELAX_H

#include <stdint.h>

#include "elegans/el_lanes.h"

/* Of one element. */
static inline el_wide el_relax1(el_wide h, el_lane g, el_share s)
{
    return el_wide1(el_plus_twice1(h.a, el_rshr1(s.m * (g - h.u), s.e)));
}

EL_INLINE void el_relax(int16_t *y, const int16_t *h, const int16_t *g, const int16_t *s,
                        uint32_t n)
{
    for (uint32_t i = 0; i < n; i += EL_LANES) {
        const el_lanes on = el_lanes_on(n - i);
        const el_wide old = el_take_wide(&h[i], n, on);
        const el_share share = el_take_share(&s[i], n, on);

        el_give_wide(&y[i], n, el_relax1(old, el_take(&g[i], on), share), on);
    }
}

#endif
