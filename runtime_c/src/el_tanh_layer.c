/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_tanh_layer.h"

#include "elegans/el_pairs.h"

#if EL_CORE == EL_PORTABLE

const int32_t *el_tanh_layer(int16_t *y, const int16_t *x, const int32_t *w,
                             uint32_t pairs, uint32_t rows, uint32_t shift)
{
    for (uint32_t n = 0; n < rows; n += 4) {
        int32_t acc[4] = {w[0], w[1], w[2], w[3]};

        w = el_pairs(acc, x, &w[4], pairs, 4);
        for (uint32_t k = 0; k < 4; k++) {
            y[n + k] = (int16_t)(el_fine_tanh(el_sat16(acc[k] >> shift)) >> 16);
        }
    }
    return w;
}

#endif
