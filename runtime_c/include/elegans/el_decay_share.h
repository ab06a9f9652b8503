/* SPDX-License-Identifier: 0BSD */
/* s = 1 - exp(-dt / tau): the share of its way that a leaky integrator goes in an elapsed time.
 *
 *   s      [2 n] mantissas in 0..32767, then exponents in 0..17: s = m 2^-(15 + e)
 *   t      [2] elapsed time, as el_elapsed gives it
 *   rate   [n] mantissas of 1 / tau, at least 0
 *   shift  [n] their exponents: dt / tau = rshr(rate t[0], 15) 2^-(11 + k), k = shift + t[1]
 *
 * The relative error is below 2^-12, or 2^-33 of one, however short the time is. From 16 time constants on the
 * share is the greatest, 1 - 2^-15. Exact twin of exporter/ops/decay_share.py. */
#ifndef EL_DECAY_SHARE_H
#define EL_DECAY_SHARE_H

#include <stdint.h>

#include "elegans/el_lanes.h"

extern const el_parabola el_decay_share_curve[64];

/* The share, its exponent not yet limited. x is scaled 2^-k in Q4.16, k at least 0; z is x, held
 * within the curve. */
static inline el_share el_decay_share_of(el_lane scaled, el_lane k, el_lane z)
{
    const el_lane e = el_positive1(el_plus1(k, -5));
    const el_lane factor = el_upto16_1(el_shr1(scaled, k - e));
    const el_lane segment = z >> 14;
    const el_lane j = EL_CENTRED1(z, 14);
    const el_lane q = EL_PARABOLA1(el_decay_share_curve, segment, j, 13);
    const el_share s = {EL_RSHR1(factor * q, 16), e}; /* factor q < 2^31 - 2^16 */

    return s;
}

/* Of one element, whose rate and shift are given. */
static inline el_share el_decay_share1(const int16_t *t, el_lane rate, el_lane shift)
{
    const el_lane right = el_plus1(shift, t[1] + 1);
    const el_lane beyond = el_mask1(right);
    const el_lane k = right & ~beyond;
    const el_lane scaled = (EL_RSHR1(el_times1(rate, t[0]), 15) | (beyond & INT16_MAX)) * 64;
    const el_lane z = el_upto20_1(el_shr1(scaled, el_upto5_1(k)));
    const el_share s = el_decay_share_of(scaled, k, z);

    return el_limited1(s.m, s.e);
}

/* The same of shift + t[1] in -1..21: no time is beyond the curve by its exponent alone, and no
 * exponent of a share is too great. */
static inline el_share el_decay_share_near1(const int16_t *t, el_lane rate, el_lane shift)
{
    const el_lane k = el_plus1(shift, t[1] + 1);
    const el_lane scaled = EL_RSHR1(el_times1(rate, t[0]), 15) * 64;

    return el_decay_share_of(scaled, k, el_upto20_1(el_shr1(scaled, k)));
}

void el_decay_share(int16_t *s, const int16_t *t, const int16_t *rate, const int8_t *shift,
                    uint32_t n);

#endif
