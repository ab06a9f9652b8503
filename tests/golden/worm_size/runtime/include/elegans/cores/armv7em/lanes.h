/* SPDX-License-Identifier: 0BSD */
/* What el_lanes.h computes, and the activations of one element, by the DSP instructions. */
#ifndef EL_CORE_DSP_LANES_H
#define EL_CORE_DSP_LANES_H

#include <stdint.h>

#include "elegans/el_pieces.h"

/* el_fine_tanh(u), as in fine_tanh.h: the piece from segment 0 on, and J in the
 * upper half of a word. `last` makes of y, in Q0.31, what the activation gives. */
#define EL_ACTIVATION(last)               \
    __asm__("asr %0, %2, #10\n\t"         \
            "add %0, %3, %0, lsl #3\n\t"  \
            "ldrd %1, %0, [%0]\n\t"       \
            "add %2, %4, %2, lsl #22\n\t" \
            "smlabt %0, %0, %2, %0\n\t"   \
            "smlawt %0, %0, %2, %1\n\t"   \
            last                          \
            : "=&r"(y), "=&r"(value), "+&r"(u) \
            : "r"(&el_tanh_pieces[32]), "r"(0x80000000U), "r"((1 << 30) + (1 << 14)), \
              "m"(el_tanh_pieces))

/* el_tanh.h */
#define EL_NATIVE_TANH1
static inline int32_t el_tanh_on1(int32_t u)
{
    int32_t y, value;

    EL_ACTIVATION("asr %0, %0, #16");
    return y;
}

/* el_sigmoid.h */
#define EL_NATIVE_SIGMOID1
static inline int32_t el_sigmoid_on1(int32_t u)
{
    int32_t y, value;

    EL_ACTIVATION("add %0, %5, %0, asr #1\n\tasr %0, %0, #16");
    return y;
}

#endif
