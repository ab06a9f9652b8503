/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_cfc_fixed_sum.h"

#include "elegans/el_pairs.h"

#if EL_CORE == EL_PORTABLE

const int32_t *el_cfc_fixed_sum(int16_t *h, const int16_t *x, const int32_t *w,
                                uint32_t pairs, uint32_t neurons, uint32_t f, uint32_t g,
                                uint32_t t)
{
    for (uint32_t n = 0; n < neurons; n++) {
        int32_t acc[3] = {w[0], w[1], w[2]};

        w = el_pairs(acc, x, &w[3], pairs, 3);
        h[n] = el_cfc_sum_neuron(acc[0] >> f, acc[1] >> g, acc[2] >> t);
    }
    return w;
}

#endif
