/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_timed_linear.h"

#include "elegans/el_dot.h"

void el_timed_linear(int16_t *z, const int16_t *x, const int16_t *dt,
                     const int16_t *w, const int32_t *b, const int16_t *r, const int32_t *c,
                     const uint8_t *shift, uint32_t cols, uint32_t rows)
{
    for (uint32_t row = 0; row < rows; row++) {
        const int32_t still = el_dot(b[row], w, x, cols);
        const int32_t rate = el_dot(c[row], r, x, cols);

        w += cols;
        r += cols;
        z[row] = el_sat16(el_rshr(still + el_rshr(rate, 16) * dt[0], shift[row]));
    }
}
