/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_soft_relu.h"

#include "elegans/el_fixed.h"

void el_soft_relu(int16_t *y, const int16_t *z, const int32_t *pieces, const uint8_t *left,
                  const uint8_t *right, uint32_t reach, uint32_t n)
{
    const int32_t limit = (int32_t)(1U << (15U + reach));
    const uint32_t width = 9U + reach;

    for (uint32_t i = 0; i < n; i++) {
        /* Multiplied by, because C leaves the left shift of a negative number undefined. */
        const int32_t m = z[i] * (int32_t)(1U << left[i]);
        const uint32_t at = (uint32_t)(el_max(el_min(m, limit - 1), -limit) + limit);
        const int32_t *const piece = &pieces[2U * (at >> width)];
        const int32_t j = (int32_t)((at << (16U - width)) & 0xFFFFU) - 32768;
        const int32_t slope = piece[1] + ((int16_t)(piece[1] & 0xFFFF) * j);
        const int32_t c = piece[0] + ((slope >> 16) * j) + (((slope & 0xFFFF) * j) >> 16);

        y[i] = el_sat16(el_rshr((m & ~el_mask(m)) + (c >> 15), right[i]));
    }
}
