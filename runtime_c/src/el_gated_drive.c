/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_gated_drive.h"

void el_gated_drive(int16_t *z, const int16_t *a, const int16_t *b, const int16_t *u,
                    uint32_t align, uint32_t shift, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += EL_LANES) {
        const el_lanes on = el_lanes_on(n - i);
        const el_lane gate = el_take(&u[i], on);

        el_give(&z[i], el_gated_drive1(el_take(&a[i], on), el_take(&b[i], on), gate, align, shift), on);
    }
}
