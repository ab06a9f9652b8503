/* SPDX-License-Identifier: 0BSD */
/* el_hold2 (el_fixed.h) on cores with the DSP extension: both halves of a word at a time. SSUB16
 * notes for each half whether the difference is at least 0, and SEL chooses by that. */
#ifndef EL_CORE_ARMV7EM_HOLD2_H
#define EL_CORE_ARMV7EM_HOLD2_H

#include <stdint.h>

/* Two int16_t as a word, the first in the lower half. */
#define EL_HALVES(first, second) (((uint32_t)(uint16_t)(second) << 16) | (uint16_t)(first))

#define EL_NATIVE_HOLD2
static inline void el_hold2(int16_t *to, const int16_t *from, int16_t lo0, int16_t hi0,
                            int16_t lo1, int16_t hi1)
{
    uint32_t both, difference;

    __builtin_memcpy(&both, from, sizeof both);
    __asm__("ssub16 %1, %0, %2\n\t"
            "sel %0, %2, %0\n\t"
            "ssub16 %1, %0, %3\n\t"
            "sel %0, %0, %3"
            : "+&r"(both), "=&r"(difference)
            : "r"(EL_HALVES(hi0, hi1)), "r"(EL_HALVES(lo0, lo1)) : "cc");
    __builtin_memcpy(to, &both, sizeof both);
}

#endif
