/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_linear.h"

void el_linear(int16_t *y, const int16_t *x,
               const int16_t *w, const int32_t *bias, const uint8_t *shift,
               uint32_t cols, uint32_t rows)
{
    el_linear_few(y, x, w, bias, shift, cols, rows);
}
