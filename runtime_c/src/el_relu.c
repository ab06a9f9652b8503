/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_relu.h"

#include "elegans/el_fixed.h"

void el_relu(int16_t *y, const int16_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = (int16_t)(x[i] & ~el_mask(x[i]));
    }
}
