/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_gated_sum.h"

#include "elegans/el_fixed.h"

void el_gated_sum(int16_t *h, const int16_t *f, const int16_t *g, const int16_t *t, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        h[i] = el_gated_sum1(f[i], g[i], t[i]);
    }
}
