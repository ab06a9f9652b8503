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

/* el_lanes.h. The slope lies in the lower half of a word and the bend in the upper one, where the
 * DSP instructions take them; with `down` 13 the bend's product has its result in the upper half. */
#define EL_NATIVE_PARABOLA
#define EL_ON_PARABOLA(p, j, down) \
    (((down) == 13) ? EL_ON_PARABOLA_13(p, j) : EL_ON_ANY_PARABOLA(p, j, down))

#define EL_ON_PARABOLA_13(p, j)                                                         \
    __extension__({                                                                     \
        int32_t el_value_ = (int32_t)(p), el_slope_;                                    \
        __asm__("ldrd %0, %1, [%0]\n\t"                                                 \
                "smlabb %0, %1, %2, %0\n\t"                                             \
                "smlatb %1, %1, %2, %3\n\t"                                             \
                "smlatb %0, %1, %2, %0\n\t"                                             \
                "asr %0, %0, #13"                                                       \
                : "+&r"(el_value_), "=&r"(el_slope_)                                    \
                : "r"(j), "r"(32768));                                                  \
        el_value_;                                                                      \
    })

#define EL_ON_ANY_PARABOLA(p, j, down)                                                  \
    __extension__({                                                                     \
        int32_t el_value_ = (int32_t)(p), el_slope_;                                    \
        __asm__("ldrd %0, %1, [%0]\n\t"                                                 \
                "smlabb %0, %1, %2, %0\n\t"                                             \
                "smultb %1, %1, %2\n\t"                                                 \
                "asrs %1, %1, %3\n\t"                                                   \
                "adc %1, %1, #0\n\t"                                                    \
                "mla %0, %1, %2, %0\n\t"                                                \
                "asr %0, %0, %4"                                                        \
                : "+&r"(el_value_), "=&r"(el_slope_)                                    \
                : "r"(j), "i"((down) + 3), "i"(down) : "cc");                           \
        el_value_;                                                                      \
    })

#endif
