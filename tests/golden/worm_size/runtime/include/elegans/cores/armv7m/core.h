/* SPDX-License-Identifier: 0BSD */
/* Armv7-M and Armv8-M Mainline without DSP instructions (Cortex-M3): Thumb-2, 32-bit products
 * one at a time.
 *
 * el_core.h chooses this file. Each EL_NATIVE_x says that the function x is defined here
 * instead of in portable C; the contracts stand where the portable version does. */
#ifndef EL_CORE_ARMV7M_H
#define EL_CORE_ARMV7M_H

#include <stdint.h>

#include "elegans/cores/armv7m/thumb2.h"

/* el_decayed.h. */
#define EL_NATIVE_DECAYED "elegans/cores/armv7m/decayed.h"

/* el_leaky.h. */
#define EL_NATIVE_LEAKY "elegans/cores/armv7m/leaky.h"

/* The weights of two neighbouring inputs: a word each, ready for MLA; two int16_t in one word, the
 * even one in the lower half, for layers that are loops. */
#ifdef EL_LOOPED
#define EL_PAIR(even, odd) (((odd) * 65536) + ((even) & 0xFFFF))
#define EL_PAIR_WORDS 1U
#define EL_TABLES 5U
#else
#define EL_PAIR(even, odd) (even), (odd)
#define EL_PAIR_WORDS 2U
#define EL_TABLES 2U
#endif

/* The last words of a table of weights: a zero that nothing reads. */
#define EL_TAIL 0

/* How many words this is. EL_PAIR_WORDS and EL_TABLES, above: the words of a pair, and the number of
 * this layout of tables in el_block.h. */
#define EL_TAIL_WORDS 1U
#define EL_SYNAPSES1_WORDS 5U
#define EL_SYNAPSES2_WORDS 10U

/* el_fixed.h. Of min(a - hi, 0) + (hi - lo) what is below 0 is cut off, which is one instruction
 * less than two comparisons. */
#define EL_HOLD_ONE(a, lo, hi)                  \
    __asm__("sub %0, %0, %1\n\t"                \
            "and %0, %0, %0, asr #31\n\t"       \
            "add %0, %0, %2\n\t"                \
            "bic %0, %0, %0, asr #31\n\t"       \
            "add %0, %0, %3"                    \
            : "+&r"(a)                          \
            : "r"((int32_t)(hi)), "r"((int32_t)(hi) - (lo)), "r"((int32_t)(lo)))

#define EL_NATIVE_HOLD2
static inline void el_hold2(int16_t *to, const int16_t *from, int16_t lo0, int16_t hi0,
                            int16_t lo1, int16_t hi1)
{
    int32_t first = from[0];
    int32_t second = from[1];

    EL_HOLD_ONE(first, lo0, hi0);
    EL_HOLD_ONE(second, lo1, hi1);
    to[0] = (int16_t)first;
    to[1] = (int16_t)second;
}

/* el_lanes.h. The slope is added with the carry, which rounds. */
#define EL_NATIVE_PARABOLA
#define EL_ON_PARABOLA(p, j, down)                                          \
    __extension__({                                                         \
        int32_t el_value_ = (int32_t)(p), el_slope_, el_part_;              \
        __asm__("ldrd %0, %1, [%0]\n\t"                                     \
                "asr %2, %1, #16\n\t" /* bend */                            \
                "mul %2, %2, %3\n\t"                                        \
                "sxth %1, %1\n\t"                                           \
                "asrs %2, %2, %4\n\t"                                       \
                "adc %1, %1, %2\n\t"                                        \
                "mla %0, %1, %3, %0\n\t"                                    \
                "asr %0, %0, %5"                                            \
                : "+&r"(el_value_), "=&r"(el_slope_), "=&r"(el_part_)       \
                : "r"(j), "i"((down) + 3), "i"(down) : "cc");               \
        el_value_;                                                          \
    })

/* Products a round of el_dot's loop: one where the compiler is asked for size, else four. */
#ifdef __OPTIMIZE_SIZE__
#define EL_UNROLLED 0
#else
#define EL_UNROLLED 1
#endif

#include "elegans/cores/armv7m/long_sums.h"

#define EL_PRODUCT(load_weight)      \
    load_weight "\n\t"               \
    "ldrsh %4, [%2], #2\n\t"         \
    "mla %0, %3, %4, %0\n\t"

#define EL_LONG_PRODUCT(load_weight) \
    load_weight "\n\t"               \
    "ldrsh %4, [%2], #2\n\t"         \
    "smlal %Q0, %R0, %3, %4\n\t"

/* n modulo 4 products one at a time, then the rest four at a time. */
#define EL_DOT_BY_FOUR(product, load_weight)                                               \
    int32_t weight, input;                                                                 \
    for (uint32_t left = EL_UNROLLED ? (n & 3U) : n; left > 0; left--) {                   \
        __asm__(product(load_weight)                                                       \
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weight), "=&r"(input) : : "memory");  \
    }                                                                                      \
    for (uint32_t left = EL_UNROLLED ? (n >> 2) : 0U; left > 0; left--) {                  \
        __asm__(product(load_weight) product(load_weight)                                  \
                product(load_weight) product(load_weight)                                  \
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weight), "=&r"(input) : : "memory");  \
    }                                                                                      \
    return acc

/* el_dot.h. */
#define EL_NATIVE_DOT
static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    EL_DOT_BY_FOUR(EL_PRODUCT, "ldrsh %3, [%1], #2");
}

static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    EL_DOT_BY_FOUR(EL_PRODUCT, "ldrsb %3, [%1], #1");
}

/* el_long.h. */
#define EL_NATIVE_LONG_DOT
static inline int64_t el_long_dot(int64_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    EL_DOT_BY_FOUR(EL_LONG_PRODUCT, "ldrsh %3, [%1], #2");
}

#endif
