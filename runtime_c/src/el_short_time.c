/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_short_time.h"

#include "elegans/el_fixed.h"

void el_short_time(int16_t *t, int32_t dt, int32_t lo, int32_t hi)
{
    /* dt >= 0 first, because hi - dt must fit. */
    const int32_t after = dt & ~el_mask(dt);

    t[0] = el_sat16(el_rshr(el_max(el_min(after, hi), lo) >> 1, 15));
}
