/* SPDX-License-Identifier: 0BSD */
/* el_fine_tanh by the 32 x 16 bit multiply-accumulate of the DSP instructions. */
#ifndef EL_CORE_FINE_TANH_H
#define EL_CORE_FINE_TANH_H

#include <stdint.h>

#include "elegans/el_pieces.h"

/* el_tanh.h. SMLABT and SMLAWT take J from the upper half of j, where J = 64 ((u & 1023) - 512)
 * is (u << 22) + 2^31 without a mask: y = slope + bend J, then y = value + (y J >> 16). */
#define EL_NATIVE_FINE_TANH
static inline int32_t el_fine_tanh(int16_t u)
{
    const el_piece *p = &el_tanh_pieces[(u >> 10) + 32];
    const uint32_t j = ((uint32_t)u << 22) + 0x80000000U;
    int32_t y;

    __asm__("smlabt %0, %1, %2, %1\n\tsmlawt %0, %0, %2, %3"
            : "=&r"(y) : "r"(p->slope), "r"(j), "r"(p->value));
    return y;
}

/* el_synapse.h. One block, because a compiler that mixes many of them runs out of registers. */
#define EL_NATIVE_SYNAPSE
static inline int16_t el_synapse(int32_t u)
{
    int32_t y, value;

    __asm__("ssat %2, #16, %2\n\t"
            "asr %0, %2, #10\n\t"
            "add %0, %3, %0, lsl #3\n\t"
            "ldrd %1, %0, [%0]\n\t"
            "add %2, %4, %2, lsl #22\n\t"
            "smlabt %0, %0, %2, %0\n\t"
            "smlawt %0, %0, %2, %1\n\t"
            "add %0, %5, %0, asr #1\n\t"
            "asr %0, %0, #16"
            : "=&r"(y), "=&r"(value), "+r"(u)
            : "r"(&el_tanh_pieces[32]), "r"(0x80000000U), "r"((1 << 30) + (1 << 14)),
              "m"(el_tanh_pieces));
    return (int16_t)y;
}

#endif
