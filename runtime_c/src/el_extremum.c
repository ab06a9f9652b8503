/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_extremum.h"

#include "elegans/el_fixed.h"

void el_extremum(int16_t *y, const int16_t *a, const int16_t *b, int32_t sign, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t over = (a[i] - b[i]) * sign;

        y[i] = (int16_t)(b[i] + ((over & ~el_mask(over)) * sign));
    }
}
