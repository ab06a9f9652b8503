/* SPDX-License-Identifier: 0BSD */
/* Synapses on Cortex-M0, M0+ and M23, one at a time: 41 instructions; and short quotients. The
 * contracts are in el_unfolds.h. */
#ifndef EL_CORE_SYNAPSES_H
#define EL_CORE_SYNAPSES_H

#include <stdint.h>

#include "elegans/el_pieces.h"

#define EL_NATIVE_SUMS

/* Five words. */
#define EL_SYNAPSES1(bias, weight, at, current, conductance) \
    (bias), (weight), (at), (current), (conductance)
#define EL_SYNAPSES2(b0, w0, a0, i0, g0, b1, w1, a1, i1, g1) \
    EL_SYNAPSES1(b0, w0, a0, i0, g0), EL_SYNAPSES1(b1, w1, a1, i1, g1)

/* In bytes; a potential's upper half lies two bytes from its beginning. */
#define EL_INPUT(i) (2 * (i))
#define EL_POTENTIAL(i) ((4 * (i)) + 2)
#define EL_ROUNDS(n) (n)

/* The argument u is saturated as 2^15 + u in 0..2^16 - 1, whose lower ten bits are those of u. Then
 * J is as in el_fine_tanh, r4 = slope + bend J, and its two halves are multiplied by J one by one. */
#define EL_SUMS(name, shift)                                                                   \
    static inline const int32_t *name(int32_t *i, int32_t *g, const void *v,                   \
                                      const int32_t *w, int32_t rounds)                        \
    {                                                                                          \
        register const int32_t *words __asm__("r0") = w;                                       \
        register const void *read __asm__("r1") = v;                                           \
        register int32_t left __asm__("r6") = rounds;                                          \
        register int32_t current __asm__("r8") = *i;                                           \
        register int32_t conductance __asm__("r9") = *g;                                       \
        register const el_piece *pieces __asm__("r10") = el_tanh_pieces;                       \
        register int32_t high __asm__("r11") = 65535;                                          \
        register uint32_t half __asm__("r12") = 0x80008000U;                                   \
                                                                                               \
        if (rounds > 0) {                                                                      \
            __asm__(".syntax unified\n"                                                        \
                    "1:\n\t"                                                                   \
                    "ldmia r0!, {r2, r3, r4}\n\t"                                              \
                    "ldrsh r4, [r1, r4]\n\t"                                                   \
                    "muls r3, r4, r3\n\t"                                                      \
                    "adds r2, r2, r3\n\t"                                                      \
                    "asrs r2, r2, #" #shift "\n\t"                                             \
                    "movs r4, #128\n\t"                                                        \
                    "lsls r4, r4, #8\n\t"                                                      \
                    "adds r2, r2, r4\n\t"                                                      \
                    "asrs r3, r2, #31\n\t"                                                     \
                    "bics r2, r3\n\t"                                                          \
                    "mov r3, r11\n\t"                                                          \
                    "subs r3, r3, r2\n\t"                                                      \
                    "asrs r4, r3, #31\n\t"                                                     \
                    "ands r3, r4\n\t"                                                          \
                    "adds r2, r2, r3\n\t"                                                      \
                    "lsrs r3, r2, #10\n\t"                                                     \
                    "lsls r3, r3, #3\n\t"                                                      \
                    "add r3, r10\n\t"                                                          \
                    "ldmia r3, {r3, r4}\n\t"                                                   \
                    "lsls r2, r2, #22\n\t"                                                     \
                    "add r2, r12\n\t"                                                          \
                    "asrs r2, r2, #16\n\t"                                                     \
                    "sxth r5, r4\n\t"                                                          \
                    "muls r5, r2, r5\n\t"                                                      \
                    "adds r4, r4, r5\n\t"                                                      \
                    "asrs r5, r4, #16\n\t"                                                     \
                    "muls r5, r2, r5\n\t"                                                      \
                    "adds r3, r3, r5\n\t"                                                      \
                    "uxth r4, r4\n\t"                                                          \
                    "muls r4, r2, r4\n\t"                                                      \
                    "asrs r4, r4, #16\n\t"                                                     \
                    "adds r3, r3, r4\n\t"                                                      \
                    "add r3, r12\n\t"                                                          \
                    "lsrs r3, r3, #17\n\t"                                                     \
                    "ldmia r0!, {r4, r5}\n\t"                                                  \
                    "muls r4, r3, r4\n\t"                                                      \
                    "add r8, r4\n\t"                                                           \
                    "muls r5, r3, r5\n\t"                                                      \
                    "add r9, r5\n\t"                                                           \
                    "subs r6, r6, #1\n\t"                                                      \
                    "bne 1b"                                                                   \
                    : "+r"(current), "+r"(conductance), "+r"(words), "+r"(left)                \
                    : "r"(read), "r"(pieces), "r"(high), "r"(half)                             \
                    : "r2", "r3", "r4", "r5", "cc", "memory");                                 \
        }                                                                                      \
        *i = current;                                                                          \
        *g = conductance;                                                                      \
        return words;                                                                          \
    }

/* Cortex-M0 and M0+ divide bit by bit (core.h): the bits that are known to be zero, the first ones,
 * are left out. The others are written out, not repeated by the assembler, because gcc counts lines
 * to know how far a branch reaches. `unused` gives b the number that EL_QUOTIENT_BIT has for it. */
#ifndef __ARM_FEATURE_IDIV
#define EL_NATIVE_UDIV_SHORT
#define EL_QUOTIENT_BITS_4 EL_QUOTIENT_BIT EL_QUOTIENT_BIT EL_QUOTIENT_BIT EL_QUOTIENT_BIT
#define EL_QUOTIENT_BITS_16 \
    EL_QUOTIENT_BITS_4 EL_QUOTIENT_BITS_4 EL_QUOTIENT_BITS_4 EL_QUOTIENT_BITS_4
#define EL_UDIV_IN(bits, more)                          \
    do {                                                \
        rest = a >> (bits);                             \
        a <<= 32U - (bits);                             \
        __asm__(".syntax unified\n\t"                   \
                "adds %0, %0, %0\n\t"                   \
                EL_QUOTIENT_BITS_16 more                \
                : "+&l"(a), "+&l"(rest), "=&l"(mask),   \
                  "=&l"(unused)                         \
                : "l"(b)                                \
                : "cc");                                \
    } while (0)

static inline uint32_t el_udiv_short(uint32_t a, uint32_t b, uint32_t bits)
{
    uint32_t rest, mask, unused;

    if (bits <= 16U) {
        EL_UDIV_IN(16, "");
    } else if (bits <= 17U) {
        EL_UDIV_IN(17, EL_QUOTIENT_BIT);
    } else if (bits <= 18U) {
        EL_UDIV_IN(18, EL_QUOTIENT_BIT EL_QUOTIENT_BIT);
    } else if (bits <= 19U) {
        EL_UDIV_IN(19, EL_QUOTIENT_BIT EL_QUOTIENT_BIT EL_QUOTIENT_BIT);
    } else if (bits <= 20U) {
        EL_UDIV_IN(20, EL_QUOTIENT_BITS_4);
    } else if (bits <= 24U) {
        EL_UDIV_IN(24, EL_QUOTIENT_BITS_4 EL_QUOTIENT_BITS_4);
    } else {
        a = el_udiv(a, b);
    }
    return a;
}
#endif

#endif
