/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_choose.h"

#include "elegans/el_fixed.h"

void el_choose(int16_t *y, const int16_t *a, const int16_t *b, const int16_t *c, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = (int16_t)(b[i] + (c[i] * ((int32_t)a[i] - b[i])));
    }
}
