/* SPDX-License-Identifier: 0BSD */
/* What el_long.h computes, on cores whose products have 32 bits. */
#ifndef EL_CORE_ARMV6M_LONG_SUMS_H
#define EL_CORE_ARMV6M_LONG_SUMS_H

#include <stdint.h>

/* The first shift leaves the bit that rounds in the carry. */
#define EL_NATIVE_LONG_SHIFT
static inline int32_t el_long_shift(int64_t acc, uint32_t n)
{
    const uint32_t right = n - 12U;
    uint32_t lower = (uint32_t)acc << 4;

    __asm__(".syntax unified\n\tlsrs %0, %0, %2\n\tadcs %0, %0, %1"
            : "+l"(lower)
            : "l"((uint32_t)((acc * 16) >> 32) << (32U - right)), "l"(right) : "cc");
    return (int32_t)lower;
}

/* Sums as loops of eight low registers and two others, which gcc does not use where it is asked for
 * size. Of an input in `input`: its product with the lower half of the next weight, which has no sign,
 * then that with the upper half, which counts 2^16 times as much. */
#ifndef __OPTIMIZE_SIZE__
#define EL_FINE_PRODUCT(lower, upper, input, weight, part, w) \
    "ldmia " w "!, {" weight "}\n\t"         \
    "uxth " part ", " weight "\n\t"          \
    "muls " part ", " input ", " part "\n\t" \
    "asrs " weight ", " weight ", #16\n\t"   \
    "muls " weight ", " input ", " weight "\n\t" \
    "asrs " input ", " part ", #31\n\t"      \
    "adds " lower ", " lower ", " part "\n\t" \
    "adcs " upper ", " input "\n\t"          \
    "lsls " input ", " weight ", #16\n\t"    \
    "asrs " weight ", " weight ", #16\n\t"   \
    "adds " lower ", " lower ", " input "\n\t" \
    "adcs " upper ", " weight "\n\t"

#define EL_NATIVE_FINE_DOT
static inline int64_t el_fine_dot(int64_t acc, const int32_t **w, const int16_t *x, uint32_t n)
{
    uint32_t lower = (uint32_t)acc;
    int32_t upper = (int32_t)(acc >> 32);
    int32_t input, weight, part;
    const int32_t *from = *w;

    __asm__(".syntax unified\n"
            "1:\n\t"
            "movs %2, #0\n\t"
            "ldrsh %2, [%6, %2]\n\t"
            "adds %6, %6, #2\n\t"
            EL_FINE_PRODUCT("%0", "%1", "%2", "%3", "%4", "%5")
            "cmp %5, %7\n\t"
            "bne 1b"
            : "+l"(lower), "+l"(upper), "=&l"(input), "=&l"(weight), "=&l"(part), "+l"(from), "+l"(x)
            : "h"(from + n) : "cc", "memory");
    *w = from;
    return (int64_t)(((uint64_t)(uint32_t)upper << 32) | lower);
}

#define EL_NATIVE_FINE_SUM
static inline int64_t el_fine_sum(int64_t acc, const int32_t **w, const uint16_t **at,
                                  const int16_t *x, uint32_t n)
{
    uint32_t lower = (uint32_t)acc;
    int32_t upper = (int32_t)(acc >> 32);
    int32_t input, weight, part;
    const int32_t *from = *w;
    const uint16_t *column = *at;

    __asm__(".syntax unified\n"
            "1:\n\t"
            "ldrh %2, [%6]\n\t"
            "adds %6, %6, #2\n\t"
            "lsls %2, %2, #1\n\t"
            "add %2, %2, %8\n\t"
            "ldrh %2, [%2]\n\t"
            "sxth %2, %2\n\t"
            EL_FINE_PRODUCT("%0", "%1", "%2", "%3", "%4", "%5")
            "cmp %5, %7\n\t"
            "bne 1b"
            : "+l"(lower), "+l"(upper), "=&l"(input), "=&l"(weight), "=&l"(part), "+l"(from),
              "+l"(column)
            : "h"(from + n), "h"(x) : "cc", "memory");
    *w = from;
    *at = column;
    return (int64_t)(((uint64_t)(uint32_t)upper << 32) | lower);
}
#endif

#endif
