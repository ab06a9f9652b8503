/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_time_gate.h"

#include "elegans/el_fixed.h"

void el_time_gate(int16_t *z, const int16_t *a, const int16_t *b, const int16_t *dt,
                  uint32_t align, uint32_t shift, uint32_t n)
{
    /* Multiplied by, because C leaves the left shift of a negative number undefined. */
    const int32_t unit = (int32_t)(1U << align);
    const int32_t elapsed = dt[0];

    for (uint32_t i = 0; i < n; i++) {
        z[i] = el_sat16(el_rshr((int32_t)a[i] * elapsed + b[i] * unit, shift));
    }
}
