/* SPDX-License-Identifier: 0BSD */
/* Accumulators of 64 bits, for rows of so many inputs that 32 bits leave few to each weight.
 *
 * The exporter proves that none reaches 2^43, partial sums and rounding included. */
#ifndef EL_LONG_H
#define EL_LONG_H

#include "elegans/el_fixed.h"

/* acc + w[0] x[0] + ... + w[n-1] x[n-1], n >= 1, in whatever order the core does best. */
#ifndef EL_NATIVE_LONG_DOT
static inline int64_t el_long_dot(int64_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        acc += (int32_t)w[i] * x[i];
    }
    return acc;
}
#endif

/* acc + w x, of a weight of 32 bits. By products of 32 bits, because not every core has others. */
#ifndef EL_NATIVE_FINE_PRODUCT
static inline int64_t el_fine_product(int64_t acc, int32_t w, int16_t x)
{
    const int32_t upper = (w >> 16) * x;
    const int32_t lower = (w & 0xFFFF) * x;

    return acc + ((int64_t)upper * 65536) + lower;
}
#endif

/* acc + w[0] x[0] + ... + w[n-1] x[n-1], n >= 1; *w is moved behind its last. */
#ifndef EL_NATIVE_FINE_DOT
static inline int64_t el_fine_dot(int64_t acc, const int32_t **w, const int16_t *x, uint32_t n)
{
    for (uint32_t left = n; left > 0; left--) {
        acc = el_fine_product(acc, *(*w)++, *x++);
    }
    return acc;
}
#endif

/* The same of any elements: acc + w[0] x[at[0]] + ...; *w and *at are moved. */
#ifndef EL_NATIVE_FINE_SUM
static inline int64_t el_fine_sum(int64_t acc, const int32_t **w, const uint16_t **at,
                                  const int16_t *x, uint32_t n)
{
    for (uint32_t left = n; left > 0; left--) {
        acc = el_fine_product(acc, *(*w)++, x[*(*at)++]);
    }
    return acc;
}
#endif

/* The same of elements of 32 bits, whose lower halves begin at x[cols]; rounded down. */
#ifndef EL_NATIVE_WIDE_SUM
static inline int64_t el_wide_sum(int64_t acc, const int32_t **w, const uint16_t **at,
                                  const int16_t *x, uint32_t cols, uint32_t n)
{
    const int32_t *weights = *w;
    const uint16_t *columns = *at;

    acc += el_fine_sum(0, &weights, &columns, &x[cols], n) >> 16;
    return el_fine_sum(acc, w, at, x, n);
}
#endif

/* acc / 2^16, rounded half up. */
static inline int32_t el_long_upper(int64_t acc)
{
    return (int32_t)((acc + 0x8000) >> 16);
}

/* sat16(acc / 2^n), rounded half up, for n in 12..30. The lower 12 bits are dropped first, because
 * a core of 32 bits shifts 64 by a constant in a few instructions. */
static inline int16_t el_long_result(int64_t acc, uint32_t n)
{
    const int32_t half = (int32_t)((1U << n) >> 1);

    return el_sat16((int32_t)((acc + half) >> 12) >> (n - 12U));
}

/* acc / 2^(n - 16), rounded half up, for n in 13..30 and results within 2^31 - 2^15. acc is below
 * 2^43, and multiplied by 16 first, so that all is one shift to the right by 1 to 18 bits. */
#ifndef EL_NATIVE_LONG_SHIFT
static inline int32_t el_long_shift(int64_t acc, uint32_t n)
{
    const uint32_t right = n - 12U;
    const int64_t sum = (acc * 16) + (int32_t)((1U << right) >> 1);

    return (int32_t)(((uint32_t)(sum >> 32) << (32U - right)) | ((uint32_t)sum >> right));
}
#endif

/* The same as two halves (el_wide.h): the upper one, and in *lower the lower one. */
static inline int16_t el_long_halves(int16_t *lower, int64_t acc, uint32_t n)
{
    const int32_t a = el_long_shift(acc, n);

    *lower = (int16_t)((uint32_t)a & 0xFFFFU);
    return (int16_t)((int32_t)((uint32_t)a + 32768U) >> 16);
}

/* a * b, in products of 32 bits, because an M0 has no others; |a| < 2^27 and b >= 0. */
static inline int64_t el_long_product(int32_t a, int16_t b)
{
    const int32_t upper = (a >> 16) * b;
    const int32_t lower = (a & 0xFFFF) * b;

    return (int64_t)((uint64_t)(int64_t)upper << 16) + lower;
}

#endif
