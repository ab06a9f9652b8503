/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_gated_drive.h"

#include "elegans/el_fixed.h"

void el_gated_drive(int16_t *z, const int16_t *a, const int16_t *b, const int16_t *u,
                    uint32_t align, uint32_t shift, uint32_t n)
{
    /* Multiplied by, because C leaves the left shift of a negative number undefined. */
    const int32_t unit = (int32_t)(1U << align);

    for (uint32_t i = 0; i < n; i++) {
        z[i] = el_sat16(el_rshr((int32_t)a[i] * u[i] + b[i] * unit, shift));
    }
}
