/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_product.h"

#include "elegans/el_fixed.h"

void el_product(int16_t *y, const int16_t *u, const int16_t *v, uint32_t shift, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = el_sat16(el_rshr((int32_t)u[i] * v[i], shift));
    }
}
