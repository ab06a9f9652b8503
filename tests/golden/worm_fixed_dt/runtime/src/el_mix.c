/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_mix.h"

void el_mix(int16_t *h, const int16_t *f, const int16_t *g, const int16_t *t, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        h[i] = el_mix1(f[i], g[i], t[i]);
    }
}
