/* SPDX-License-Identifier: 0BSD */
/* tanh and sigmoid of two elements in a word, by the DSP instructions: 18 and 20 of them. */
#ifndef EL_CORE_DSP_ACTIVATIONS_H
#define EL_CORE_DSP_ACTIVATIONS_H

#include <stdint.h>

#include "elegans/el_pieces.h"

/* QADD16 adds half a segment to both and saturates. Bits 10 to 15 of a half are the segment, and
 * the 10 bits below make J as in fine_tanh.h, of both halves at once. `last` makes of tanh, in
 * Q0.31, what the activation gives: the result is the upper half. */
#define EL_ACTIVATION_RUN 2U
#define EL_BOTH(y, z, last)                                                                    \
    do {                                                                                       \
        int32_t both, j, y0, y1, value;                                                        \
                                                                                               \
        __builtin_memcpy(&both, (z), sizeof both);                                             \
        __asm__("qadd16 %0, %0, %7\n\t"                                                        \
                "and %1, %0, %8\n\t"                                                           \
                "eor %1, %6, %1, lsl #6\n\t"                                                   \
                "sbfx %2, %0, #10, #6\n\t"                                                     \
                "add %2, %5, %2, lsl #3\n\t"                                                   \
                "ldrd %4, %2, [%2]\n\t"                                                        \
                "smlabb %2, %2, %1, %2\n\t"                                                    \
                "smlawb %2, %2, %1, %4\n\t"                                                    \
                last("%2")                                                                     \
                "asr %3, %0, #26\n\t"                                                          \
                "add %3, %5, %3, lsl #3\n\t"                                                   \
                "ldrd %4, %3, [%3]\n\t"                                                        \
                "smlabt %3, %3, %1, %3\n\t"                                                    \
                "smlawt %3, %3, %1, %4\n\t"                                                    \
                last("%3")                                                                     \
                "pkhtb %0, %3, %2, asr #16"                                                    \
                : "+&r"(both), "=&r"(j), "=&r"(y0), "=&r"(y1), "=&r"(value)                    \
                : "r"(&el_tanh_pieces[32]), "r"(0x80008000U), "r"(0x02000200U),                \
                  "r"(0x03FF03FFU), "r"((1 << 30) + (1 << 14)), "m"(el_tanh_pieces));          \
        __builtin_memcpy((y), &both, sizeof both);                                             \
    } while (0)

#define EL_AS_IT_IS(y) ""
#define EL_HALVED(y) "add " y ", %9, " y ", asr #1\n\t"

static inline void el_tanh_run(int16_t *y, const int16_t *z)
{
    EL_BOTH(y, z, EL_AS_IT_IS);
}

static inline void el_sigmoid_run(int16_t *y, const int16_t *z)
{
    EL_BOTH(y, z, EL_HALVED);
}

#endif
