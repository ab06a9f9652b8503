/* SPDX-License-Identifier: 0BSD */
/* y = h + s (g - h), s = 1 - exp(-dt / tau): leaky integrators in an elapsed time. The bits are those
 * of el_decay_share and of el_relax, without the shares between them.
 *
 *   y      [2 n] the next states as halves (el_wide.h); may be h
 *   h      [2 n] the states as halves
 *   g      [n] in the format of the upper halves
 *   t      [2] elapsed time, as el_elapsed gives it
 *   rates  [n][2] the mantissa of each 1 / tau, doubled, and its exponent, as in el_decay_share.h
 *
 * Each exponent plus t[1] is in -1..21: the exporter proves it, and that no state leaves its format. */
#ifndef EL_LEAKY_H
#define EL_LEAKY_H

#include <stdint.h>

#include "elegans/el_copy.h"
#include "elegans/el_decay_share.h"
#include "elegans/el_relax.h"

#ifdef EL_NATIVE_LEAKY
#include EL_NATIVE_LEAKY
#else
/* Cores with several lanes have a loop of their own. */
static inline void el_leaky_all(int16_t *y, const int16_t *h, const int16_t *g, const int16_t *t,
                                const int32_t *rates, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t scaled = EL_RSHR1(rates[2U * i] * t[0], 16) * 64;
        const int32_t k = rates[(2U * i) + 1U] + t[1] + 1;
        const el_share s = el_decay_share_of(scaled, k, el_upto20_1(el_shr1(scaled, k)));
        const el_lanes on = el_lanes_on(n - i);

        el_give_wide(&y[i], n, el_relax1(el_take_wide(&h[i], n, on), g[i], s), on);
    }
}
#endif

EL_INLINE void el_leaky(int16_t *y, const int16_t *h, const int16_t *g, const int16_t *t,
                        const int32_t *rates, uint32_t n)
{
    el_leaky_all(y, h, g, t, rates, n);
}

#endif
