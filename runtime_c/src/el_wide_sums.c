/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_wide_sums.h"

#include "elegans/el_long.h"

void el_wide_sums(int16_t *y, const int16_t *x,
                  const int32_t *w, const uint16_t *at, const int32_t *bias,
                  const uint8_t *shift, uint32_t cols, uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++) {
        const uint32_t wide = *at++;
        const uint32_t single = *at++;
        const uint32_t run = *at++;
        int64_t sum = bias[r];

        if (wide > 0) {
            sum = el_wide_sum(sum, &w, &at, x, cols, wide);
        }
        if (single > 0) {
            sum = el_fine_sum(sum, &w, &at, x, single);
        }
        if (run > 0) {
            sum = el_fine_dot(sum, &w, &x[*at++], run);
        }
        y[r] = el_long_halves(&y[rows + r], sum, shift[r]);
    }
}
