/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_sigmoid.h"

void el_sigmoid(int16_t *y, const int16_t *z, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += EL_LANES) {
        const el_lanes on = el_lanes_on(n - i);

        el_give(&y[i], el_sigmoid1(el_take(&z[i], on)), on);
    }
}
