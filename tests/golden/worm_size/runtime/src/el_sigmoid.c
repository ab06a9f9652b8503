/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_sigmoid.h"

#include "elegans/el_tanh.h"

void el_sigmoid(int16_t *y, const int16_t *z, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t fine = el_fine_tanh(el_half_segment_on(z[i]));
        y[i] = (int16_t)(((fine >> 1) + EL_SIGMOID_HALF) >> 16);
    }
}
