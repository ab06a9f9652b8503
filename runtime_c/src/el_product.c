/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_product.h"

void el_product(int16_t *y, const int16_t *u, const int16_t *v, uint32_t shift, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += EL_LANES) {
        const el_lanes on = el_lanes_on(n - i);

        el_give(&y[i], el_product1(el_take(&u[i], on), el_take(&v[i], on), shift), on);
    }
}
