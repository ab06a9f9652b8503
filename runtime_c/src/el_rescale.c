/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_rescale.h"

#include "elegans/el_fixed.h"

void el_rescale(int16_t *y, const int16_t *x, uint32_t left, uint32_t right, uint32_t n)
{
    /* Multiplied by, because C leaves the left shift of a negative number undefined. */
    const int32_t unit = (int32_t)(1U << left);

    for (uint32_t i = 0; i < n; i++) {
        y[i] = el_sat16(el_rshr(x[i] * unit, right));
    }
}
