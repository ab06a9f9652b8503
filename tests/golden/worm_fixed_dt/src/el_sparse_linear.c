#include "elegans/el_sparse_linear.h"

#include "elegans/el_fixed.h"

void el_sparse_linear(int16_t *y, const int16_t *x,
                      const int16_t *w, const uint8_t *gap, const uint16_t *count,
                      const int32_t *bias, const uint8_t *shift, uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++) {
        int32_t acc = bias[r];
        const int16_t *at = x;
        for (uint32_t n = count[r]; n > 0; n--) {
            at += *gap++;
            acc += (int32_t)*w++ * *at;
        }
        y[r] = el_sat16(el_rshr(acc, shift[r]));
    }
}
