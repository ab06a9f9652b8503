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

#include "elegans/el_wide.h"

EL_INLINE void el_relax(int16_t *y, const int16_t *h, const int16_t *g, const int16_t *s,
                        uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t change = el_rshr(s[i] * ((int32_t)g[i] - h[i]), (uint32_t)s[n + i]);

        el_halves(y, i, n, (int32_t)((uint32_t)el_whole(h, i, n) + (2U * (uint32_t)change)));
    }
}

#endif
