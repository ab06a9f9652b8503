/* SPDX-License-Identifier: 0BSD */
/* The sum of products of a row of int8 weights whose two parts have scales of their own:
 *
 *   2^lift (w[0] x[0] + ... + w[split-1] x[split-1]) + (w[split] x[split] + ... + w[n-1] x[n-1])
 *
 *   w      [n]
 *   x      [n]
 *   split  0..n
 *   lift   0..7
 *
 * The caller proves that no partial sum of the lifted products leaves int32_t; without their
 * power of two they are smaller. */
#ifndef EL_DOT_PARTS_H
#define EL_DOT_PARTS_H

#include "elegans/el_dot.h"

/* acc plus the products, of which there may be none. */
static inline int32_t el_dot8_of(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    return (n > 0U) ? el_dot8(acc, w, x, n) : acc;
}

static inline int32_t el_dot_parts(const int8_t *w, const int16_t *x, uint32_t n, uint32_t split,
                                   uint32_t lift)
{
    const int32_t acc = el_dot8_of(0, w, x, split) * (int32_t)(1U << lift);

    return el_dot8_of(acc, &w[split], &x[split], n - split);
}

#endif
