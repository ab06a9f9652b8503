/* SPDX-License-Identifier: 0BSD */
/* y[i] = u[i] * v[i] / 2^shift, rounded half up and saturated.
 *
 *   y      [n] the scale of v if shift is 15, finer if it is less; may be u or v
 *   u      [n] a gate, Q0.15
 *   v      [n] any scale
 *   shift  0..15
 *
 * |u v| + 2^14 <= 2^30 + 2^14, so int32_t is enough. Exact twin of
 * exporter/ops/product.py. */
#ifndef EL_PRODUCT_H
#define EL_PRODUCT_H

#include <stdint.h>

#include "elegans/el_lanes.h"

/* Of one element, and, with `near`, of one that is proved to need no saturation. */
static inline el_lane el_product_near1(el_lane u, el_lane v, uint32_t shift)
{
    return el_rshr_all(u * v, shift);
}

static inline el_lane el_product1(el_lane u, el_lane v, uint32_t shift)
{
    return el_sat1(el_product_near1(u, v, shift));
}

void el_product(int16_t *y, const int16_t *u, const int16_t *v, uint32_t shift, uint32_t n);

#endif
