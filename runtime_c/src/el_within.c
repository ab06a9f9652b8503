/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_within.h"

#include "elegans/el_fixed.h"

void el_within(int16_t *y, const int16_t *x, int32_t lo, int32_t hi, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = (int16_t)(1 & ~(el_mask(x[i] - lo) | el_mask(hi - x[i])));
    }
}
