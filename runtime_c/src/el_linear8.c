/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_linear8.h"

#include "elegans/el_dot_parts.h"

void el_linear8(int16_t *y, const int16_t *x,
                const int8_t *w, const int32_t *bias, const uint8_t *shift, const uint8_t *lift,
                uint32_t cols, uint32_t rows, uint32_t split)
{
    for (uint32_t r = 0; r < rows; r++) {
        y[r] = el_sat16(el_rshr(bias[r] + el_dot_parts(w, x, cols, split, lift[r]), shift[r]));
        w += cols;
    }
}
