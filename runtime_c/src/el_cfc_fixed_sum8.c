/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_cfc_fixed_sum8.h"

#if EL_CORE == EL_PORTABLE

const int32_t *el_cfc_fixed_sum8(int16_t *h, const int16_t *x, const int32_t *w,
                                 uint32_t first, int32_t skip, uint32_t pairs, uint32_t neurons,
                                 uint32_t f, uint32_t g, uint32_t t)
{
    for (uint32_t n = 0; n < neurons; n++) {
        int32_t acc[3];

        w = el_byte_rows(acc, x, w, first, skip, pairs, 3);
        h[n] = el_cfc_sum_neuron(acc[0] >> f, acc[1] >> g, acc[2] >> t);
    }
    return w;
}

#endif
