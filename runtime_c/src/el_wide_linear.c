/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_wide_linear.h"

#include "elegans/el_long.h"

void el_wide_linear(int16_t *y, const int16_t *x,
                    const int16_t *w, const int32_t *bias, const uint8_t *shift,
                    uint32_t cols, uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++) {
        y[r] = el_long_halves(&y[rows + r], el_long_dot(bias[r], w, x, cols), shift[r]);
        w += cols;
    }
}
