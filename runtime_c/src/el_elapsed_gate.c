/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_elapsed_gate.h"

#include "elegans/el_fixed.h"

void el_elapsed_gate(int16_t *z, const int16_t *a, const int16_t *b, const int16_t *t,
                     uint32_t align, uint32_t shift, uint32_t n)
{
    const int32_t unit = (int32_t)(1U << align);
    const int32_t mantissa = t[0];
    const uint32_t by = (uint32_t)el_min((int32_t)shift + t[1], 30);

    for (uint32_t i = 0; i < n; i++) {
        z[i] = el_sat16((b[i] * unit) + el_rshr(a[i] * mantissa, by));
    }
}
