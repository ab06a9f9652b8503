/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_time_share.h"

void el_time_share(int16_t *s, const int16_t *t, const int16_t *rate, const int8_t *shift,
                   uint32_t n)
{
    const int32_t mantissa = t[0];
    const int32_t exponent = t[1];

    for (uint32_t i = 0; i < n; i++) {
        const int32_t right = shift[i] + exponent;
        const int32_t half = el_mask(right);
        const int32_t x = el_rshr((int32_t)rate[i] * mantissa, 15);

        el_limited(s, i, n, el_min(x + (x & half), INT16_MAX), right & ~half);
    }
}
