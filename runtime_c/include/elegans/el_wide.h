/* SPDX-License-Identifier: 0BSD */
/* 32-bit integers kept as two int16_t: the upper half, rounded, and what is left of them.
 *
 * A vector of n is n upper halves, then n lower ones, so that the maps, which read the upper
 * halves only, find them side by side. Exact twin of `halves` and `whole` in
 * exporter/numbers/fixed.py. */
#ifndef EL_WIDE_H
#define EL_WIDE_H

#include <stdint.h>

#include "elegans/el_fixed.h"

/* Kernels on wide vectors are inline: a model calls each once, with numbers that are known where it
 * is compiled. A file that wants such a function with external linkage defines EL_INLINE as empty. */
#ifndef EL_INLINE
#define EL_INLINE static inline
#endif

/* Element i of a vector of n. */
static inline int32_t el_whole(const int16_t *v, uint32_t i, uint32_t n)
{
    return (int32_t)(((uint32_t)(uint16_t)v[i] << 16) + (uint32_t)(int32_t)v[n + i]);
}

/* Stores a in element i of a vector of n. a + 2^15 must fit. */
static inline void el_halves(int16_t *v, uint32_t i, uint32_t n, int32_t a)
{
    v[i] = (int16_t)((a + 32768) >> 16);
    v[n + i] = (int16_t)((uint32_t)a & 0xFFFFU);
}

/* -1 (all ones) if a < b, else 0, for any a and b. */
#ifndef EL_NATIVE_BELOW
static inline int32_t el_below(int32_t a, int32_t b)
{
    const int32_t less = (int32_t)((uint32_t)a - (uint32_t)b);

    return el_mask((a & ~b) | (~(a ^ b) & less));
}
#endif

/* The greater and the lesser of any a and b. */
#ifndef EL_NATIVE_GREATER
static inline int32_t el_greater(int32_t a, int32_t b)
{
    return a ^ ((a ^ b) & el_below(a, b));
}

static inline int32_t el_lesser(int32_t a, int32_t b)
{
    return a ^ ((a ^ b) & el_below(b, a));
}
#endif

/* a, held in lo..hi. */
static inline int32_t el_held(int32_t a, int32_t lo, int32_t hi)
{
    return el_lesser(el_greater(a, lo), hi);
}

/* a 2^n of an a that has room for it. */
static inline int32_t el_left(int32_t a, uint32_t n)
{
    return (int32_t)((uint32_t)a << n);
}

/* a b / 2^16, rounded down; all of its 48 bits count. */
#ifndef EL_NATIVE_UPPER_PRODUCT
static inline int32_t el_upper_product(int32_t a, int16_t b)
{
    return ((a >> 16) * b) + (((int32_t)((uint32_t)a & 0xFFFFU) * b) >> 16);
}
#endif

#endif
