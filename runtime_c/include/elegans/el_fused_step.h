/* SPDX-License-Identifier: 0BSD */
/* One unfold of LTC's fused semi-implicit solver (Hasani et al. 2021, algorithm 1), its potentials
 * in 32 bits:
 *
 *   y = (C v + dt I) / (C + dt G) = v + (I - G v) r / (1 + r G),  r = dt / C.
 *
 *   y         [2 n] the next potentials as halves (el_wide.h); may be v
 *   v         [2 n] the potentials as halves, upper ones with frac fractional bits
 *   cur, con  [n] current I and conductance G, each neuron's at one scale; con at least 0
 *   r         [3 n] ratios of el_step_ratio
 *   p         [3 n] of each neuron: the ends lo and hi of the hull of its reversal potentials, and
 *             2^(one + 1) + 1, where one are the fractional bits of 1 + r G, 1..13. I is held
 *             between lo G and hi G, so v does not leave the hull but by rounding
 *   frac      0..15
 *   up        0..13, the bits by which I - G v is shifted up
 *
 * One 32-bit division a neuron. Why nothing overflows, and why the sum with v may be taken modulo
 * 2^32, is said in exporter/ops/fused_step.py, the exact twin. */
#ifndef EL_FUSED_STEP_H
#define EL_FUSED_STEP_H

#include <stdint.h>

#include "elegans/el_divide.h"
#include "elegans/el_wide.h"

EL_INLINE void el_fused_step(int16_t *y, const int16_t *v, const int16_t *cur, const int16_t *con,
                             const int16_t *r, const int16_t *p, uint32_t frac, uint32_t up,
                             uint32_t n)
{
    /* Multiplied by, because C leaves the left shift of a negative number undefined. */
    const int32_t unit = (int32_t)(1U << frac);
    const int32_t more = (int32_t)(1U << up);

    for (uint32_t i = 0; i < n; i++, p += 3) {
        const int32_t g = con[i];
        const int32_t held = el_hold32(cur[i] * unit, p[0] * g, p[1] * g);
        const int32_t net = r[(2U * n) + i];
        const int32_t left = net & ~el_mask(net);
        const int32_t drive = ((held - (g * v[i])) * more) >> (left - net);
        const int32_t divisor = (((r[i] * g) >> r[n + i]) + p[2]) >> 1;
        const int32_t q = el_rdiv(el_upper_product(drive, r[i]), divisor);

        el_halves(y, i, n, (int32_t)((uint32_t)el_whole(v, i, n) + ((uint32_t)q << left)));
    }
}

#endif
