#include "elegans/el_timed_linear.h"

#include "elegans/el_fixed.h"

void el_timed_linear(int16_t *z, const int16_t *x, const int16_t *dt,
                     const int16_t *w, const int32_t *b, const int16_t *r, const int32_t *c,
                     const uint8_t *shift, uint32_t cols, uint32_t rows)
{
    for (uint32_t row = 0; row < rows; row++) {
        int32_t still = b[row];
        int32_t rate = c[row];
        for (uint32_t col = 0; col < cols; col++) {
            still += (int32_t)*w++ * x[col];
            rate += (int32_t)*r++ * x[col];
        }
        z[row] = el_sat16(el_rshr(still + el_rshr(rate, 16) * dt[0], shift[row]));
    }
}
