/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_clamp.h"

#include "elegans/el_fixed.h"

void el_clamp(int16_t *y, const int16_t *x, const int16_t *lo, const int16_t *hi, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = el_hold(x[i], lo[i], hi[i]);
    }
}
