/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_elapsed.h"

#include "elegans/el_fixed.h"

void el_elapsed(int16_t *t, int32_t dt, int32_t lo, int32_t hi)
{
    /* dt >= 0 first, because hi - dt must fit. */
    const int32_t after = dt & ~el_mask(dt);
    const int32_t held = el_max(el_min(after, hi), lo);
    const int32_t zeros = el_leading_zeros(held);

    t[0] = (int16_t)(((uint32_t)held << zeros) >> 16);
    t[1] = (int16_t)zeros;
}
