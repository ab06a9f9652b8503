/* SPDX-License-Identifier: 0BSD */
/* Choices without a branch on every RV32. */
#ifndef EL_CORE_RV32_BRANCHLESS_H
#define EL_CORE_RV32_BRANCHLESS_H

#include <stdint.h>

/* el_fixed.h. The empty asm hides the value: where a compiler recognises a comparison in a
 * shift of the sign it may branch, and the number of instructions would depend on the data. */
#define EL_NATIVE_MASK
static inline int32_t el_mask(int32_t a)
{
    __asm__("" : "+r"(a));
    a >>= 31;
    __asm__("" : "+r"(a));
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

#endif
