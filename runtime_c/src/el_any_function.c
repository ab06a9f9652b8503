/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_any_function.h"

#include "elegans/el_fixed.h"
#include "elegans/el_wide.h"

void el_any_function(int16_t *y, const int16_t *z, const uint16_t *start, const uint8_t *left,
                     const int32_t *value, const int32_t *slope, const int32_t *bend, int32_t lo,
                     int32_t hi, uint32_t half, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t at = el_hold32(z[i], lo, hi) - lo;
        uint32_t p = 0;

        for (uint32_t step = half; step > 0U; step >>= 1) {
            p += step & ~(uint32_t)el_mask(at - (int32_t)start[p + step]);
        }
        const int32_t j = (int32_t)((uint32_t)(at - (int32_t)start[p]) << left[p]) - 32768;
        const int32_t line = slope[p] + el_upper_product(bend[p], (int16_t)j);

        y[i] = (int16_t)((value[p] + el_upper_product(line, (int16_t)j)) >> 15);
    }
}
