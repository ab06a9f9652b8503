/* SPDX-License-Identifier: 0BSD */
/* Synapses on Cortex-M4, M7 and M33, two at a time: 25 instructions. */
#ifndef EL_CORE_SYNAPSES_H
#define EL_CORE_SYNAPSES_H

#include "elegans/cores/armv7m/sigmoid.h"
#include "elegans/cores/armv7m/unfolds.h"

#define EL_NATIVE_SUMS

/* Seven words: two biases; the weights of both arguments, as halves of a word; what they read; the
 * weights of both currents, and conductances. */
#define EL_SYNAPSES2(b0, w0, a0, i0, g0, b1, w1, a1, i1, g1) \
    (b0), (b1), EL_PAIR(w0, w1), (a0), (a1), EL_PAIR(i0, i1), EL_PAIR(g0, g1)
#define EL_SYNAPSES1(bias, weight, at, current, conductance) \
    EL_SYNAPSES2(bias, weight, at, current, conductance, 0, 0, 0, 0, 0)
/* In bytes; a potential's upper half lies two bytes from its beginning. */
#define EL_INPUT(i) (2 * (i))
#define EL_POTENTIAL(i) ((4 * (i)) + 2)
#define EL_ROUNDS(n) (((n) + 1) / 2)

#define EL_SUMS_CONSTANTS EL_SIGMOID_CONSTANTS
#define EL_SUMS_INPUTS EL_SIGMOID_INPUTS
#define EL_SCALED "smulbt r10, r10, r2\n\t"
#define EL_SUMS_CLOBBERED
#define EL_SUMS_BEGIN
#define EL_SUM(shift)                               \
    "1:\n\t"                                        \
    "ldmia r3!, {r0, r1, r2, r4, r5}\n\t"           \
    "ldrsh r4, [r6, r4]\n\t"                        \
    "ldrsh r5, [r6, r5]\n\t"                        \
    "smlabb r0, r2, r4, r0\n\t"                     \
    "smlatb r1, r2, r5, r1\n\t"                     \
    EL_SIGMOID(shift, "r0", "r2", "r4", "r5", "lr") \
    EL_SIGMOID(shift, "r1", "r0", "r2", "r4", "r5") \
    "pkhbt r5, lr, r5, lsl #16\n\t"                 \
    "ldrd r0, r1, [r3], #8\n\t"                     \
    "smlad r8, r5, r0, r8\n\t"                      \
    "smlad r10, r5, r1, r10\n\t"                    \
    "subs r12, r12, #1\n\t"                         \
    "bne 1b\n\t"

#endif
