/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_sigmoid.h"

#if defined(EL_NATIVE_ACTIVATIONS) && !defined(__OPTIMIZE_SIZE__)
#include EL_NATIVE_ACTIVATIONS
#endif

void el_sigmoid(int16_t *y, const int16_t *z, uint32_t n)
{
    uint32_t i = 0;

#ifdef EL_ACTIVATION_RUN
    for (; (n - i) >= EL_ACTIVATION_RUN; i += EL_ACTIVATION_RUN) {
        el_sigmoid_run(&y[i], &z[i]);
    }
#endif
    for (; i < n; i += EL_LANES) {
        const el_lanes on = el_lanes_on(n - i);

        el_give(&y[i], el_sigmoid1(el_take(&z[i], on)), on);
    }
}
