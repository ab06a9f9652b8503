/* SPDX-License-Identifier: 0BSD */
/* h[i] = f[i] + t[i] * g[i], rounded half up: the state of a CfC in the mode "no gate", which
 * leaves out the factor 1 - t of f.
 *
 *   h        [n] Q1.14; may be any of f, g and t
 *   f, g     [n] Q0.15
 *   t        [n] Q0.15 in [0, 32767]
 *
 * f 2^15 + t g is at least -2^31 + 2^15, and with 2^15 added for rounding it is below 2^31, so
 * int32_t is enough. Exact twin of exporter/ops/gated_sum.py. */
#ifndef EL_GATED_SUM_H
#define EL_GATED_SUM_H

#include <stdint.h>

#include "elegans/el_fixed.h"

/* One element. It saturates only if f or g is outside of -32767..32767, as tanh never is. */
static inline int16_t el_gated_sum1(int16_t f, int16_t g, int16_t t)
{
    return el_sat16(el_rshr((int32_t)f * 32768 + (int32_t)t * g, 16));
}

void el_gated_sum(int16_t *h, const int16_t *f, const int16_t *g, const int16_t *t, uint32_t n);

#endif
