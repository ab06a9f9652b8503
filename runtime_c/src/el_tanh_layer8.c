/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_tanh_layer8.h"

#if EL_CORE == EL_PORTABLE

const int32_t *el_tanh_layer8(int16_t *y, const int16_t *x, const int32_t *w,
                            uint32_t first, int32_t skip, uint32_t pairs, uint32_t rows,
                            uint32_t shift)
{
    for (uint32_t n = 0; n < rows; n += 4) {
        int32_t acc[4];

        w = el_byte_rows(acc, x, w, first, skip, pairs, 4);
        for (uint32_t k = 0; k < 4; k++) {
            y[n + k] = (int16_t)(el_fine_tanh(el_sat16(acc[k] >> shift)) >> 16);
        }
    }
    return w;
}

#endif
