/* SPDX-License-Identifier: 0BSD */
/* What el_long.h computes, by SMLAL, which all cores with Thumb-2 have for 32 x 32 bits. */
#ifndef EL_CORE_LONG_SUMS_H
#define EL_CORE_LONG_SUMS_H

#include <stdint.h>

#define EL_FINE_PRODUCTS              \
    "ldrd %3, %4, [%1], #8\n\t"       \
    "ldrsh %5, [%2], #2\n\t"          \
    "ldrsh %6, [%2], #2\n\t"          \
    "smlal %Q0, %R0, %3, %5\n\t"      \
    "smlal %Q0, %R0, %4, %6\n\t"

/* Four products a round, or two where the compiler is asked for size. */
#define EL_NATIVE_FINE_DOT
static inline int64_t el_fine_dot(int64_t acc, const int32_t **w, const int16_t *x, uint32_t n)
{
    const int32_t *from = *w;
    int32_t w0, w1, x0, x1;

    for (uint32_t left = EL_UNROLLED ? (n >> 2) : 0U; left > 0; left--) {
        __asm__(EL_FINE_PRODUCTS EL_FINE_PRODUCTS
                : "+r"(acc), "+r"(from), "+r"(x), "=&r"(w0), "=&r"(w1), "=&r"(x0), "=&r"(x1)
                : : "memory");
    }
    for (uint32_t left = EL_UNROLLED ? ((n >> 1) & 1U) : (n >> 1); left > 0; left--) {
        __asm__(EL_FINE_PRODUCTS
                : "+r"(acc), "+r"(from), "+r"(x), "=&r"(w0), "=&r"(w1), "=&r"(x0), "=&r"(x1)
                : : "memory");
    }
    if ((n & 1U) != 0) {
        acc += (int64_t)*from++ * *x;
    }
    *w = from;
    return acc;
}

#define EL_NATIVE_FINE_SUM
static inline int64_t el_fine_sum(int64_t acc, const int32_t **w, const uint16_t **at,
                                  const int16_t *x, uint32_t n)
{
    int32_t weight, input;

    __asm__("1:\n\t"
            "ldrh %5, [%2], #2\n\t"
            "ldr %4, [%1], #4\n\t"
            "ldrsh %5, [%6, %5, lsl #1]\n\t"
            "subs %3, %3, #1\n\t"
            "smlal %Q0, %R0, %4, %5\n\t"
            "bne 1b"
            : "+&r"(acc), "+&r"(*w), "+&r"(*at), "+&r"(n), "=&r"(weight), "=&r"(input)
            : "r"(x) : "cc", "memory");
    return acc;
}

#define EL_NATIVE_WIDE_SUM
static inline int64_t el_wide_sum(int64_t acc, const int32_t **w, const uint16_t **at,
                                  const int16_t *x, uint32_t cols, uint32_t n)
{
    int64_t sum = 0;
    int32_t weight, input, lower;

    __asm__("1:\n\t"
            "ldrh %6, [%2], #2\n\t"
            "ldr %4, [%1], #4\n\t"
            "ldrsh %5, [%7, %6, lsl #1]\n\t"
            "ldrsh %6, [%8, %6, lsl #1]\n\t"
            "subs %3, %3, #1\n\t"
            "add %5, %6, %5, lsl #16\n\t"
            "smlal %Q0, %R0, %4, %5\n\t"
            "bne 1b"
            : "+&r"(sum), "+&r"(*w), "+&r"(*at), "+&r"(n), "=&r"(weight), "=&r"(input), "=&r"(lower)
            : "r"(x), "r"(&x[cols]) : "cc", "memory");
    return acc + (sum >> 16);
}

#endif
