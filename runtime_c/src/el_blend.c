#include "elegans/el_blend.h"

#include "elegans/el_wide.h"

void el_blend(int16_t *y, const int16_t *h, const int16_t *g, const int16_t *t, uint32_t keep,
              uint32_t n)
{
    /* m = t, or 2^15 - t = ~t + 2^15 + 1. */
    const int32_t flip = -(int32_t)keep;
    const int32_t one = flip & 32769;

    for (uint32_t i = 0; i < n; i++) {
        const int32_t change = ((t[i] ^ flip) + one) * ((int32_t)g[i] - h[i]);

        el_halves(y, i, n, (int32_t)((uint32_t)el_whole(h, i, n) + (2U * (uint32_t)change)));
    }
}
