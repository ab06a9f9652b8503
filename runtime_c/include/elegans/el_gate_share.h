/* SPDX-License-Identifier: 0BSD */
/* s = sigmoid(-a): what a gate leaves open, with its digits where the gate is almost closed.
 *
 *   s  [2 n] mantissas in 0..32767, then exponents in 0..17: s = m 2^-(15 + e)
 *   z  [n] a log2(e) in Q5.10, any value
 *
 * Exact twin of exporter/ops/gate_share.py. */
#ifndef EL_GATE_SHARE_H
#define EL_GATE_SHARE_H

#include <stdint.h>

#include "elegans/el_lanes.h"

extern const el_parabola el_gate_share_curve[64];

/* The share by the parabola `segment`. u is the magnitude of z and k its octave, u >> 10. */
static inline el_share el_gate_share_of(el_lane z, el_lane u, el_lane k, el_lane segment)
{
    const el_lane j = EL_CENTRED1(u, 8);
    const el_lane q = EL_PARABOLA1(el_gate_share_curve, segment, j, 8);
    el_share s = {q, k};

    el_if_negative1(z, el_rest1(el_rshr1(q, k)), &s.m, &s.e);
    return s;
}

/* Of one element; any z. */
static inline el_share el_gate_share1(el_lane z)
{
    const el_lane sign = el_mask1(z);
    const el_lane u = el_sat1((z ^ sign) - sign);
    const el_lane k = u >> 10;
    const el_share s = el_gate_share_of(z, u, k, (el_upto4_1(k) * 4) + ((u >> 8) & 3));

    return el_limited1(s.m, s.e);
}

/* The same of |z| < 2^14: there are no more octaves than the curve has, and no exponent is too
 * great. */
static inline el_share el_gate_share_near1(el_lane z)
{
    const el_lane sign = el_mask1(z);
    const el_lane u = (z ^ sign) - sign;

    return el_gate_share_of(z, u, u >> 10, u >> 8);
}

void el_gate_share(int16_t *s, const int16_t *z, uint32_t n);

#endif
