/* SPDX-License-Identifier: 0BSD */
/* Synapses on Cortex-M3, one at a time: 15 instructions for each. */
#ifndef EL_CORE_SYNAPSES_H
#define EL_CORE_SYNAPSES_H

#include "elegans/cores/armv7m/sigmoid.h"
#include "elegans/cores/armv7m/unfolds.h"

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

#define EL_SUMS_CONSTANTS EL_SIGMOID_CONSTANTS
#define EL_SUMS_INPUTS EL_SIGMOID_INPUTS
#define EL_SCALED "asr r2, r2, #16\n\tmul r10, r10, r2\n\t"
#define EL_SUMS_CLOBBERED
#define EL_SUMS_BEGIN
#define EL_SUM(shift)                              \
    "1:\n\t"                                       \
    "ldmia r3!, {r0, r1, r2}\n\t"                  \
    "ldrsh r2, [r6, r2]\n\t"                       \
    "mla r0, r1, r2, r0\n\t"                       \
    EL_SIGMOID(shift, "r0", "r1", "r2", "r4", "r5") \
    "ldmia r3!, {r0, r1}\n\t"                      \
    "mla r8, r0, r5, r8\n\t"                       \
    "mla r10, r1, r5, r10\n\t"                     \
    "subs r12, r12, #1\n\t"                        \
    "bne 1b\n\t"

#endif
