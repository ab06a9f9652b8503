/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_rest_share.h"

#include "elegans/el_fixed.h"

void el_rest_share(int16_t *s, const int16_t *t, uint32_t keep, uint32_t n)
{
    /* t, or 2^15 - t = ~t + 2^15 + 1. */
    const int32_t flip = -(int32_t)keep;
    const int32_t one = flip & 32769;

    for (uint32_t i = 0; i < n; i++) {
        s[i] = el_sat16(el_max((t[i] ^ flip) + one, 0));
        s[n + i] = 0;
    }
}
