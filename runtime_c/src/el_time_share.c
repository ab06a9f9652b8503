#include "elegans/el_time_share.h"

void el_time_share(int16_t *s, const int16_t *t, const int16_t *rate, const int8_t *shift,
                   uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        el_limited(s, i, n, el_rshr((int32_t)rate[i] * t[0], 15), shift[i] + t[1]);
    }
}
