/* SPDX-License-Identifier: 0BSD */
/* acc + w[0] x[0] + ... + w[n-1] x[n-1]: the inner loop of dense maps.
 *
 *   w  [n] int16_t in el_dot, int8_t in el_dot8
 *   x  [n]
 *   n  >= 1
 *
 * The caller proves that no partial sum leaves int32_t, in whatever order the products are
 * added, so each core may take them in the order that it does best. */
#ifndef EL_DOT_H
#define EL_DOT_H

#include "elegans/el_fixed.h"

#ifndef EL_NATIVE_DOT
static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        acc += (int32_t)w[i] * x[i];
    }
    return acc;
}

static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        acc += (int32_t)w[i] * x[i];
    }
    return acc;
}
#endif

#endif
