#include "elegans/el_relax.h"

#include "elegans/el_wide.h"

void el_relax(int16_t *y, const int16_t *h, const int16_t *g, const int16_t *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t change = el_rshr(s[i] * ((int32_t)g[i] - h[i]), (uint32_t)s[n + i]);

        el_halves(y, i, n, (int32_t)((uint32_t)el_whole(h, i, n) + (2U * (uint32_t)change)));
    }
}
