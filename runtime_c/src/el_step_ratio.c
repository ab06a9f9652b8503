/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_step_ratio.h"

#include "elegans/el_lanes.h"

void el_step_ratio(int16_t *r, const int16_t *t, const int16_t *rate, const int8_t *shift,
                   uint32_t quotient, uint32_t n)
{
    const int32_t least = (int32_t)quotient - 18;
    const int32_t mantissa = t[0];
    const int32_t exponent = t[1];

    for (uint32_t i = 0; i < n; i += EL_LANES) {
        const el_lanes on = el_lanes_on(n - i);
        const el_lane spare = el_plus1(el_take8(&shift[i], on), exponent - least);
        const el_lane s = el_plus1(el_positive1(spare), least);
        const el_lane m = EL_RSHR1(el_times1(el_take(&rate[i], on), mantissa), 15);

        el_give(&r[i], m | (el_mask1(spare) & INT16_MAX), on);
        el_give(&r[n + i], el_upto5_1(el_plus1(s, -1)), on);
        el_give(&r[(2U * n) + i], el_plus1(el_positive1(((int32_t)quotient + 20) - s), -20), on);
    }
}
