/* Division, the same instructions whatever is divided. */
#ifndef EL_DIVIDE_H
#define EL_DIVIDE_H

#include "elegans/el_fixed.h"

#define EL_QUOTIENT_BIT    \
    "adcs %1, %1\n\t"     \
    "subs %1, %1, %4\n\t" \
    "sbcs %2, %2\n\t"     \
    "ands %2, %4\n\t"     \
    "add %1, %2\n\t"      \
    "adcs %0, %0\n\t"

/* a / b, for b in 1..2^31. */
static inline uint32_t el_udiv(uint32_t a, uint32_t b)
{
#if (EL_CORE == EL_V6M) && !defined(__ARM_FEATURE_IDIV)
    /* A core without a divider: a bit of the quotient at a time, eight in a round. The carry
     * brings a's next bit into the rest, and the quotient's bit, whether b went into the rest,
     * into a. Where it did not, `mask` adds b again; between two rounds it keeps the carry. */
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
            "bne 1b\n\t"
            : "+l"(a), "+l"(rest), "+l"(mask), "+l"(rounds)
            : "l"(b)
            : "cc");
    return a;
#else
    return a / b;
#endif
}

/* a / b, rounded half up, for b >= 1. The caller proves that a + b / 2 fits. Where the sum is
 * negative, its complement is divided: floor(a / b) = ~(~a / b). */
static inline int32_t el_rdiv(int32_t a, int32_t b)
{
    const int32_t sum = a + (b >> 1);
    const int32_t sign = el_mask(sum);

    return (int32_t)el_udiv((uint32_t)(sum ^ sign), (uint32_t)b) ^ sign;
}

#endif
