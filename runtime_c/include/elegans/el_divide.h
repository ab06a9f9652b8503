/* SPDX-License-Identifier: 0BSD */
/* Division by a number of instructions that does not depend on the operands. (The cycles of a
 * core's divide instruction may.) */
#ifndef EL_DIVIDE_H
#define EL_DIVIDE_H

#include "elegans/el_fixed.h"

/* floor(a / b), for b in 1..2^31. */
#ifndef EL_NATIVE_UDIV
static inline uint32_t el_udiv(uint32_t a, uint32_t b)
{
    return a / b;
}
#endif

/* a / b, rounded half up, for b >= 1. The caller proves that a + b / 2 fits. A negative sum is
 * divided by way of its complement: floor(s / b) = ~floor(~s / b). */
static inline int32_t el_rdiv(int32_t a, int32_t b)
{
    const int32_t sum = a + (b >> 1);
    const int32_t sign = el_mask(sum);

    return (int32_t)el_udiv((uint32_t)(sum ^ sign), (uint32_t)b) ^ sign;
}

#endif
