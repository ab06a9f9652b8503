/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_fraction.h"

#include "elegans/el_fixed.h"

void el_fraction(int16_t *y, const int16_t *x, uint32_t frac, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = (int16_t)((uint32_t)(int32_t)x[i] & ((1U << frac) - 1U));
    }
}
