/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_below_greatest.h"

#include "elegans/el_fixed.h"

void el_below_greatest(int16_t *y, const int16_t *x, uint32_t n)
{
    int32_t most = x[0];

    for (uint32_t i = 1; i < n; i++) {
        most = el_max(most, x[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        y[i] = el_sat16(x[i] - most);
    }
}
