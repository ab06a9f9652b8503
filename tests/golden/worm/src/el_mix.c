#include "elegans/el_mix.h"

#include "elegans/el_fixed.h"

void el_mix(int16_t *h, const int16_t *f, const int16_t *g, const int16_t *t, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        h[i] = (int16_t)(f[i] + el_rshr(t[i] * ((int32_t)g[i] - f[i]), 15));
    }
}
