/* SPDX-License-Identifier: 0BSD */
/* h[i] = f[i] + t[i] * (g[i] - f[i]), rounded half up: the state of a CfC, f (1 - t) + g t.
 *
 *   h        [n] the scale of f and g; may be any of f, g and t
 *   f, g     [n] any value
 *   t        [n] Q0.15 in [0, 32767]
 *
 * |t * (g - f)| + 2^14 <= 32767 * 65535 + 16384 < 2^31, so int32_t is enough. h lies between f
 * and g: with d = g - f, t d / 2^15 lies between the integers 0 and d, and rounding to the
 * nearest integer cannot pass either. Exact twin of exporter/ops/mix.py. */
#ifndef EL_MIX_H
#define EL_MIX_H

#include <stdint.h>

#include "elegans/el_fixed.h"

/* One element. */
static inline int16_t el_mix1(int16_t f, int16_t g, int16_t t)
{
    return (int16_t)(f + el_rshr(t * ((int32_t)g - f), 15));
}

void el_mix(int16_t *h, const int16_t *f, const int16_t *g, const int16_t *t, uint32_t n);

#endif
