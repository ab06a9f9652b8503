/* SPDX-License-Identifier: 0BSD */
/* Synapses on Cortex-M55 and M85, four at a time: 25 instructions. */
#ifndef EL_CORE_SYNAPSES_H
#define EL_CORE_SYNAPSES_H

#include "elegans/cores/armv7m/unfolds.h"
#include "elegans/el_pieces.h"

#define EL_NATIVE_SUMS

/* Four words: the bias, the weight, what it reads, and the weights of current and conductance. */
#define EL_SYNAPSES1(bias, weight, at, current, conductance) \
    (bias), (weight), (at), EL_PAIR(current, conductance)
#define EL_SYNAPSES2(b0, w0, a0, i0, g0, b1, w1, a1, i1, g1) \
    EL_SYNAPSES1(b0, w0, a0, i0, g0), EL_SYNAPSES1(b1, w1, a1, i1, g1)

/* In bytes; a potential's upper half lies two bytes from its beginning. */
#define EL_INPUT(i) (2 * (i))
#define EL_POTENTIAL(i) ((4 * (i)) + 2)
#define EL_ROUNDS(n) (n)

/* r9 is segment 0 of tanh's table, r11 a half in Q0.31 plus the half unit that rounds, twice. */
#define EL_SUMS_CONSTANTS                                                      \
    register const el_piece *pieces __asm__("r9") = &el_tanh_pieces[32];       \
    register uint32_t half __asm__("r11") = 0x80008000U
#define EL_SUMS_INPUTS "r"(pieces), "r"(half)
#define EL_SUMS_CLOBBERED , "q0", "q1", "q2", "q3", "q4", "q5", "q6"
#define EL_SCALED "smulbt r10, r10, r2\n\t"

/* q4 has where four synapses begin, less what the first load adds. */
#define EL_SUMS_BEGIN              \
    "mvn r4, #15\n\t"              \
    "vidup.u32 q4, r4, #4\n\t"     \
    "vshl.i32 q4, q4, #2\n\t"

/* The argument u and what el_fine_tanh makes of it, in four lanes: q0 becomes J in the upper half,
 * VMULH.S32 multiplies by it; q2 is the sigmoid, whose upper half is zero, so that VMLADAVA takes
 * the lower half of the weights and VMLADAVAX the upper half. */
#define EL_SUM(shift)                       \
    "vadd.i32 q5, q4, r3\n\t"               \
    "add r3, r3, r12, lsl #4\n\t"           \
    "mov r4, #0x80000000\n\t"               \
    "add r5, r9, #4\n\t"                    \
    "dlstp.32 lr, r12\n"                    \
    "1:\n\t"                                \
    "vldrw.u32 q0, [q5, #64]!\n\t"          \
    "vldrw.u32 q1, [q5, #4]\n\t"            \
    "vldrw.u32 q2, [q5, #8]\n\t"            \
    "vldrw.u32 q3, [q5, #12]\n\t"           \
    "vldrh.s32 q6, [r6, q2]\n\t"            \
    "vmul.i32 q1, q1, q6\n\t"               \
    "vadd.i32 q0, q0, q1\n\t"               \
    EL_NARROWED(shift)                      \
    "vmovlb.s16 q0, q0\n\t"                 \
    "vshr.s32 q1, q0, #10\n\t"              \
    "vshl.i32 q1, q1, #3\n\t"               \
    "vldrw.u32 q2, [r9, q1]\n\t"            \
    "vldrw.u32 q6, [r5, q1]\n\t"            \
    "vshl.i32 q0, q0, #22\n\t"              \
    "vadd.i32 q0, q0, r4\n\t"               \
    "vshl.i32 q1, q6, #16\n\t"              \
    "vmulh.s32 q1, q1, q0\n\t"              \
    "vadd.i32 q6, q6, q1\n\t"               \
    "vmulh.s32 q6, q6, q0\n\t"              \
    "vadd.i32 q2, q2, q6\n\t"               \
    "vadd.i32 q2, q2, r11\n\t"              \
    "vshr.u32 q2, q2, #17\n\t"              \
    "vmladava.s16 r8, q2, q3\n\t"           \
    "vmladavax.s16 r10, q2, q3\n\t"         \
    "letp lr, 1b\n\t"

/* The shift and the saturation. VQSHRNB.S32 q0, q0, #shift is a number, because binutils 2.40
 * assembles the rounding VQRSHRNB for it. */
#define EL_NARROWED(shift)                                          \
    ".if " #shift " > 16\n\t"                                       \
    "vshr.s32 q0, q0, #(" #shift " - 16)\n\t"                       \
    ".inst.w 0xee800f40 + (16 << 16)\n\t"                           \
    ".else\n\t"                                                     \
    ".inst.w 0xee800f40 + ((32 - " #shift ") << 16)\n\t"            \
    ".endif\n\t"

#endif
