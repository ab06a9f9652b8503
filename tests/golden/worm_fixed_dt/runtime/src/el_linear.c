/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_linear.h"

#include "elegans/el_dot.h"

void el_linear(int16_t *y, const int16_t *x,
               const int16_t *w, const int32_t *bias, const uint8_t *shift,
               uint32_t cols, uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++) {
        y[r] = el_sat16(el_rshr(el_dot(bias[r], w, x, cols), shift[r]));
        w += cols;
    }
}
