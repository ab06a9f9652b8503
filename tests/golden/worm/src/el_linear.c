#include "elegans/el_linear.h"

#include "elegans/el_fixed.h"

void el_linear(int16_t *y, const int16_t *x,
               const int16_t *w, const int32_t *bias, const uint8_t *shift,
               uint32_t cols, uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++) {
        int32_t acc = bias[r];
        for (uint32_t c = 0; c < cols; c++) {
            acc += (int32_t)*w++ * x[c];
        }
        y[r] = el_sat16(el_rshr(acc, shift[r]));
    }
}
