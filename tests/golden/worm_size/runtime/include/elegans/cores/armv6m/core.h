/* SPDX-License-Identifier: 0BSD */
/* Armv6-M and Armv8-M Baseline (Cortex-M0, M0+, M23): Thumb-1, 32-bit products one at a time,
 * no conditional instructions but branches.
 *
 * el_core.h chooses this file. Each EL_NATIVE_x says that the function x is defined here
 * instead of in portable C; the contracts stand where the portable version does. */
#ifndef EL_CORE_ARMV6M_H
#define EL_CORE_ARMV6M_H

#include <stdint.h>

#include "elegans/cores/armv6m/long_sums.h"

/* el_decayed.h. */
#define EL_NATIVE_DECAYED "elegans/cores/armv6m/decayed.h"

/* The weights of two neighbouring inputs: a word each, ready for MULS; two int16_t in one word, the
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

/* el_fixed.h. The empty asm hides the value: where a compiler recognises a comparison in a
 * shift of the sign it may branch, and the number of instructions would depend on the data. */
#define EL_NATIVE_MASK
static inline int32_t el_mask(int32_t a)
{
    __asm__("" : "+l"(a));
    a >>= 31;
    __asm__("" : "+l"(a));
    return a;
}

/* el_fixed.h. a fits int16_t if bits 15 to 31 are all equal; otherwise the sign of a tells
 * which end of the range it is held at. */
#define EL_NATIVE_SAT16
static inline int16_t el_sat16(int32_t a)
{
    const int32_t sign = el_mask(a);
    const int32_t outside = el_mask(-((a >> 15) ^ sign));

    return (int16_t)(a ^ ((a ^ sign ^ INT16_MAX) & outside));
}

/* el_fixed.h. With 2^15 added, what is below 0 is cut off, and all bits are set by what lies above
 * the lower half; for a in -2^30..2^30. */
#define EL_NATIVE_SAT16_OF
#define EL_SAT16_OF(a, n) el_sat16_near((a) >> (n))

static inline int16_t el_sat16_near(int32_t a)
{
    int32_t mask;

    __asm__(".syntax unified\n\t"
            "add %0, %2\n\t"
            "asrs %1, %0, #31\n\t"
            "bics %0, %1\n\t"
            "lsrs %1, %0, #16\n\t"
            "rsbs %1, %1, #0\n\t"
            "asrs %1, %1, #31\n\t"
            "orrs %0, %1\n\t"
            "add %0, %2"
            : "+&l"(a), "=&l"(mask) : "r"(32768) : "cc");
    return (int16_t)a;
}

/* el_fixed.h. The empty asm hides that w is a constant. */
#define EL_NATIVE_TIMES
static inline int32_t el_times(int32_t w, int32_t x)
{
    __asm__("" : "+l"(w));
    return w * x;
}

/* el_fixed.h. Of min(a - hi, 0) + (hi - lo) what is below 0 is cut off, by masks of the sign. */
#define EL_HOLD_ONE(a, mask, lo, hi)            \
    __asm__(".syntax unified\n\t"               \
            "subs %0, %0, %2\n\t"               \
            "asrs %1, %0, #31\n\t"              \
            "ands %0, %0, %1\n\t"               \
            "adds %0, %0, %3\n\t"               \
            "asrs %1, %0, #31\n\t"              \
            "bics %0, %0, %1\n\t"               \
            "adds %0, %0, %4"                   \
            : "+&l"(a), "=&l"(mask)             \
            : "l"((int32_t)(hi)), "l"((int32_t)(hi) - (lo)), "l"((int32_t)(lo)) : "cc")

#define EL_NATIVE_HOLD2
static inline void el_hold2(int16_t *to, const int16_t *from, int16_t lo0, int16_t hi0,
                            int16_t lo1, int16_t hi1)
{
    int32_t first = from[0];
    int32_t second = from[1];
    int32_t mask;

    EL_HOLD_ONE(first, mask, lo0, hi0);
    to[0] = (int16_t)first;
    EL_HOLD_ONE(second, mask, lo1, hi1);
    to[1] = (int16_t)second;
}

/* el_wide.h. With 2^31 added, both are compared without a sign, and the carry tells which is less. */
#define EL_NATIVE_BELOW
static inline int32_t el_below(int32_t a, int32_t b)
{
    int32_t less;

    __asm__(".syntax unified\n\tcmp %1, %2\n\tsbcs %0, %0"
            : "=l"(less)
            : "l"((uint32_t)a + 0x80000000U), "l"((uint32_t)b + 0x80000000U) : "cc");
    return less;
}

/* el_lanes.h. A shift leaves in the carry the bit that it shifts out last, which rounds. The shift
 * by a register leaves the carry as it is where n is 0, so it is cleared first. */
#define EL_NATIVE_ROUNDED
#define EL_ROUNDED(a, n)                                                                  \
    __extension__({                                                                       \
        int32_t el_rounded_ = (a);                                                        \
        __asm__(".syntax unified\n\tasrs %0, %0, %1\n\tadcs %0, %2"                       \
                : "+l"(el_rounded_) : "i"(n), "l"(0) : "cc");                             \
        el_rounded_;                                                                      \
    })

static inline int32_t el_rounded_by(int32_t a, int32_t n)
{
    if (__builtin_constant_p(n) && (n > 0)) {
        __asm__(".syntax unified\n\tasrs %0, %0, %1\n\tadcs %0, %2"
                : "+l"(a) : "lI"(n), "l"(0) : "cc");
        return a;
    }
    __asm__(".syntax unified\n\tadds %0, #0\n\tasrs %0, %0, %1\n\tadcs %0, %2"
            : "+l"(a) : "l"(n), "l"(0) : "cc");
    return a;
}

/* el_lanes.h. The slope is added with the carry, which rounds. */
#define EL_NATIVE_PARABOLA
#define EL_ON_PARABOLA(p, j, down)                                                        \
    __extension__({                                                                       \
        int32_t el_value_, el_part_;                                                      \
        __asm__(".syntax unified\n\t"                                                     \
                "movs %0, #6\n\t"                                                         \
                "ldrsh %0, [%2, %0]\n\t"                                                  \
                "muls %0, %3, %0\n\t"                                                     \
                "movs %1, #4\n\t"                                                         \
                "ldrsh %1, [%2, %1]\n\t"                                                  \
                "asrs %0, %0, %4\n\t"                                                     \
                "adcs %0, %1\n\t"                                                         \
                "muls %0, %3, %0\n\t"                                                     \
                "ldr %1, [%2]\n\t"                                                        \
                "adds %0, %0, %1\n\t"                                                     \
                "asrs %0, %0, %5"                                                         \
                : "=&l"(el_value_), "=&l"(el_part_)                                       \
                : "l"(p), "l"(j), "i"((down) + 3), "i"(down) : "cc");                     \
        el_value_;                                                                        \
    })

/* el_lanes.h. What lies above `most`, 2^bits - 1, sets all bits, of which the lower ones stay. */
#define EL_NATIVE_MOST
static inline int32_t el_most(int32_t a, uint32_t bits)
{
    const int32_t above = el_mask((int32_t)((1U << bits) - 1U) - a);

    return (int32_t)((uint32_t)(a | above) << (32U - bits) >> (32U - bits));
}

/* el_dot.h. One index, from -2n to 0, addresses both arrays from their ends and is the loop's
 * counter, too. */
#define EL_NATIVE_DOT
static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    int32_t at = -2 * (int32_t)n;
    int32_t weight, input;

    w += n;
    x += n;
    __asm__(".syntax unified\n"
            "1:\n\t"
            "ldrsh %2, [%4, %1]\n\t"
            "ldrsh %3, [%5, %1]\n\t"
            "muls %2, %3, %2\n\t"
            "adds %0, %0, %2\n\t"
            "adds %1, %1, #2\n\t"
            "bne 1b"
            : "+l"(acc), "+l"(at), "=&l"(weight), "=&l"(input)
            : "l"(w), "l"(x)
            : "cc", "memory");
    return acc;
}

static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    int32_t at = -(int32_t)n;
    int32_t weight, input;

    w += n;
    __asm__(".syntax unified\n"
            "1:\n\t"
            "ldrsb %2, [%5, %1]\n\t"
            "movs %3, #0\n\t"
            "ldrsh %3, [%4, %3]\n\t"
            "muls %2, %3, %2\n\t"
            "adds %0, %0, %2\n\t"
            "adds %4, %4, #2\n\t"
            "adds %1, %1, #1\n\t"
            "bne 1b"
            : "+l"(acc), "+l"(at), "=&l"(weight), "=&l"(input), "+l"(x)
            : "l"(w)
            : "cc", "memory");
    return acc;
}

/* el_divide.h. Cortex-M0 and M0+ have no divider (M23 has). */
#ifndef __ARM_FEATURE_IDIV
#define EL_NATIVE_UDIV

/* One bit of the quotient, by restoring division: shift the next bit of a (in the carry) into
 * the rest, subtract b, add b again if that was too much, and shift the carry, which is the
 * quotient's bit, into a. */
#define EL_QUOTIENT_BIT   \
    "adcs %1, %1\n\t"     \
    "subs %1, %1, %4\n\t" \
    "sbcs %2, %2\n\t"     \
    "ands %2, %4\n\t"     \
    "add %1, %2\n\t"      \
    "adcs %0, %0\n\t"

/* Four rounds of eight bits. `mask` is b where the subtraction borrowed, else 0; between two
 * rounds, while the counter changes the flags, it keeps the carry. */
static inline uint32_t el_udiv(uint32_t a, uint32_t b)
{
    uint32_t rest = 0;
    uint32_t mask = 0;
    uint32_t rounds = 4;

    __asm__(".syntax unified\n\t"
            "adds %0, %0, %0\n\t"
            "sbcs %2, %2\n"
            "1:\n\t"
            "rsbs %2, %2, #0\n\t"
            EL_QUOTIENT_BIT EL_QUOTIENT_BIT EL_QUOTIENT_BIT EL_QUOTIENT_BIT
            EL_QUOTIENT_BIT EL_QUOTIENT_BIT EL_QUOTIENT_BIT EL_QUOTIENT_BIT
            "sbcs %2, %2\n\t"
            "subs %3, %3, #1\n\t"
            "bne 1b"
            : "+l"(a), "+l"(rest), "+l"(mask), "+l"(rounds), "+l"(b)
            :
            : "cc");
    return a;
}
#endif

#endif
