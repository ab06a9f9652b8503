/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_any_function.h"

#include "elegans/el_fixed.h"
#include "elegans/el_wide.h"

void el_any_function(int16_t *y, const int16_t *z, const uint8_t *first, const int32_t *pieces,
                     int32_t lo, int32_t hi, uint32_t shift, uint32_t half, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t at = el_hold32(z[i], lo, hi) - lo;
        const int32_t *piece = pieces + (4U * (uint32_t)first[(uint32_t)at >> shift]);

        for (uint32_t step = half; step > 0U; step >>= 1) {
            const int32_t behind = at - (piece[(4U * step) + 3U] >> 5);

            piece += 4U * (step & ~(uint32_t)el_mask(behind));
        }
        const uint32_t from_start = (uint32_t)(at - (piece[3] >> 5));
        const int32_t j = (int32_t)(from_start << ((uint32_t)piece[3] & 31U)) - 32768;
        const int32_t line = piece[1] + el_upper_product(piece[2], (int16_t)j);

        y[i] = (int16_t)((piece[0] + el_upper_product(line, (int16_t)j)) >> 15);
    }
}
