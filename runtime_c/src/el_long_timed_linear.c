/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_long_timed_linear.h"

#include "elegans/el_long.h"

void el_long_timed_linear(int16_t *z, const int16_t *x, const int16_t *dt,
                          const int16_t *w, const int32_t *b, const int16_t *r, const int32_t *c,
                          const uint8_t *shift, uint32_t cols, uint32_t rows)
{
    for (uint32_t row = 0; row < rows; row++) {
        const int64_t still = el_long_dot(b[row], w, x, cols);
        const int32_t rate = el_long_upper(el_long_dot(c[row], r, x, cols));

        w += cols;
        r += cols;
        z[row] = el_long_result(still + el_long_product(rate, dt[0]), shift[row]);
    }
}
