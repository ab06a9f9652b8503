/* SPDX-License-Identifier: 0BSD */
/* y = u v / 2^shift in the scale of upper halves, in 32 bits.
 *
 *   y      [2 n] halves (el_wide.h); may be u or v
 *   u, v   [2 n] halves
 *   shift  0..30, from the scale of a product of two upper halves to that of y's
 *
 * The exporter proves that no sum leaves int32. Exact twin of exporter/ops/wide_product.py. */
#ifndef EL_WIDE_PRODUCT_H
#define EL_WIDE_PRODUCT_H

#include <stdint.h>

#include "elegans/el_wide.h"

EL_INLINE void el_wide_product(int16_t *y, const int16_t *u, const int16_t *v, uint32_t shift,
                               uint32_t n)
{
    const uint32_t right = (shift > 16U) ? (shift - 16U) : 0U;
    const uint32_t left = (shift < 16U) ? (16U - shift) : 0U;

    for (uint32_t i = 0; i < n; i++) {
        const int32_t upper = el_left(el_rshr(u[i] * v[i], right), left);
        const int32_t cross = ((u[i] * v[n + i]) >> shift) + ((u[n + i] * v[i]) >> shift);

        el_halves(y, i, n, upper + cross + (((u[n + i] * v[n + i]) >> 16) >> shift));
    }
}

#endif
