/* SPDX-License-Identifier: 0BSD */
/* One unfold of LTC's solver, as el_fused_step, with a current of 32 bits.
 *
 *   y     [2 n] the next potentials as halves (el_wide.h); may be v
 *   v     [2 n] the potentials as halves, upper ones with frac fractional bits
 *   cur   [2 n] currents as halves, upper ones at the scale of con
 *   con   [n] conductances, at least 0
 *   r, p  as el_fused_step has them
 *   frac  0..15
 *   up    0..13
 *
 * Exact twin of exporter/ops/wide_fused_step.py. */
#ifndef EL_WIDE_FUSED_STEP_H
#define EL_WIDE_FUSED_STEP_H

#include <stdint.h>

#include "elegans/el_divide.h"
#include "elegans/el_wide.h"

EL_INLINE void el_wide_fused_step(int16_t *y, const int16_t *v, const int16_t *cur,
                                  const int16_t *con, const int16_t *r, const int16_t *p,
                                  uint32_t frac, uint32_t up, uint32_t n)
{
    /* Multiplied by, because C leaves the left shift of a negative number undefined. */
    const int32_t more = (int32_t)(1U << up);

    for (uint32_t i = 0; i < n; i++, p += 3) {
        const int32_t g = con[i];
        const int32_t current = el_whole(cur, i, n) >> (16U - frac);
        const int32_t held = el_hold32(current, p[0] * g, p[1] * g);
        const int32_t net = r[(2U * n) + i];
        const int32_t left = net & ~el_mask(net);
        const int32_t drive = ((held - (g * v[i])) * more) >> (left - net);
        const int32_t divisor = (((r[i] * g) >> r[n + i]) + p[2]) >> 1;
        const int32_t q = el_rdiv(el_upper_product(drive, r[i]), divisor);

        el_halves(y, i, n, (int32_t)((uint32_t)el_whole(v, i, n) + ((uint32_t)q << left)));
    }
}

#endif
