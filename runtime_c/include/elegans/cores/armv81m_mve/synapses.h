/* SPDX-License-Identifier: 0BSD */
/* Synapses on Cortex-M55 and M85, four at a time: 22 instructions. */
#ifndef EL_CORE_SYNAPSES_H
#define EL_CORE_SYNAPSES_H

#include <stdint.h>

#include "elegans/cores/armv81m_mve/lanes.h"
#include "elegans/cores/armv81m_mve/unfolds.h"

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

/* Segment i of sigmoid, for the u of el_synapse.h: with k = u & 1023, and with `bend`, the int16_t
 * in the lower half of slope,
 *
 *   (value + ((slope + 64 bend u) k >> 10)) >> 17
 *
 * is el_synapse(u): the parabola of el_pieces.h about the segment's begin. slope + 64 bend u is
 * meant modulo 2^32 and is at least 0, because the sigmoid nowhere falls. */
#define EL_NATIVE_SIGMOID_SLOPES
typedef struct {
    uint32_t value;
    int32_t slope;
} el_sigmoid_piece;

/* Segments -32..31, defined in el_unfolds.c. */
extern const el_sigmoid_piece el_sigmoid_pieces[64];

/* The loop over a neuron's synapses: adds them to the current in r8 and the conductance in r10. It
 * reads potentials from r6 on; q5 has where four synapses begin, less what the first load adds.
 * r9 is segment 0 of the table, r5 its slope. VMULLB takes the lower halves of q0 and of slopes,
 * and VMULH multiplies by 2^22 k. q2 is the sigmoid, whose upper half is zero, so that VMLADAVA
 * takes the lower half of the weights and VMLADAVAX the upper half. */
#define EL_SUM(shift)                       \
    "1:\n\t"                                \
    "vldrw.u32 q0, [q5, #64]!\n\t"          \
    "vldrw.u32 q1, [q5, #4]\n\t"            \
    "vldrw.u32 q2, [q5, #8]\n\t"            \
    "vldrw.u32 q3, [q5, #12]\n\t"           \
    "vldrh.s32 q6, [r6, q2]\n\t"            \
    "vmul.i32 q1, q1, q6\n\t"               \
    "vadd.i32 q0, q0, q1\n\t"               \
    EL_NARROWED(shift)                      \
    "vshr.s16 q1, q0, #10\n\t"              \
    "vshllb.s16 q1, q1, #3\n\t"             \
    "vldrw.u32 q2, [r9, q1]\n\t"            \
    "vldrw.u32 q6, [r5, q1]\n\t"            \
    "vmullb.s16 q1, q6, q0\n\t"             \
    "vshl.i32 q1, q1, #6\n\t"               \
    "vadd.i32 q6, q6, q1\n\t"               \
    "vshl.i32 q0, q0, #22\n\t"              \
    "vmulh.u32 q6, q6, q0\n\t"              \
    "vadd.i32 q2, q2, q6\n\t"               \
    "vshr.u32 q2, q2, #17\n\t"              \
    "vmladava.s16 r8, q2, q3\n\t"           \
    "vmladavax.s16 r10, q2, q3\n\t"         \
    "letp lr, 1b\n"

/* The sums of n neurons: `begin` loads those that a neuron begins with, and the number of its
 * synapses into r12; r3 is then `before` bytes before the first of them. `end` stores the sums. */
#define EL_ADDED(u, y, v, w, n, shift, before, begin, count, end)                              \
    register el_unfold *unfold __asm__("r0") = u;                                              \
    register int32_t *target __asm__("r1") = y;                                                \
    register int32_t neurons __asm__("r2") = n;                                                \
    register const int32_t *words __asm__("r3") = w;                                           \
    register const int32_t *slopes __asm__("r5") = &el_sigmoid_pieces[32].slope;               \
    register const void *inputs __asm__("r6") = v;                                             \
    register const el_sigmoid_piece *pieces __asm__("r9") = &el_sigmoid_pieces[32];            \
                                                                                               \
    __asm__ volatile("mov r4, #(" #before " / 4)\n\t"                                          \
            "vidup.u32 q4, r4, #4\n\t"                                                         \
            "vshl.i32 q4, q4, #2\n"                                                            \
            "2:\n\t"                                                                           \
            begin                                                                              \
            "vadd.i32 q5, q4, r3\n\t"                                                          \
            "add r3, r3, r12, lsl #4\n\t"                                                      \
            count                                                                              \
            EL_SUM(shift)                                                                      \
            "3:\n\t"                                                                           \
            end                                                                                \
            "subs r2, r2, #1\n\t"                                                              \
            "bne 2b"                                                                           \
            : "+r"(unfold), "+r"(target), "+r"(neurons), "+r"(words)                           \
            : "r"(slopes), "r"(inputs), "r"(pieces)                                            \
            : "r4", "r8", "r10", "r12", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "lr", "cc",  \
              "memory")

/* From inputs: a neuron may have no synapse. */
#define EL_SYNAPSES(name, shift) EL_SENSING(name, shift, "ldmia r3!, {r8, r10, r12}\n\t")
#define EL_MORE_SYNAPSES(name, shift) \
    EL_SENSING(name, shift, "ldrd r8, r10, [r0]\n\tldr r12, [r3], #4\n\t")
#define EL_SENSING(name, shift, begin)                                                         \
    static inline const int32_t *name(el_unfold *u, const void *v, const int32_t *w,           \
                                      int32_t n)                                               \
    {                                                                                          \
        EL_ADDED(u, 0, v, w, n, shift, -64, begin, "wlstp.32 lr, r12, 3f\n",                   \
                 "strd r8, r10, [r0], #24\n\t");                                               \
        return words;                                                                          \
    }

/* From potentials: y gets the currents. The words of a neuron, four bytes further than r3 says, are
 * followed by the number of synapses of the next. */
#define EL_DRIVEN(name, shift, left, up, held_current, held_conductance, bits)                 \
    static inline void name##_sums(int32_t *y, const int32_t *v, el_unfold *u,                 \
                                   const int32_t *w, int32_t count)                            \
    {                                                                                          \
        EL_ADDED(u, y, v, w - 8, count, shift, -60,                                            \
                 "ldrd r8, r10, [r0], #24\n\tldr r12, [r3, #32]!\n\t", "dlstp.32 lr, r12\n",   \
                 "str r8, [r1], #4\n\tstrd r10, r3, [r0, #-16]\n\t");                          \
    }                                                                                          \
    EL_MOVED(name##_moved, left, up, held_current, held_conductance)                           \
    static inline void name(int32_t *y, const int32_t *v, el_unfold *u, const int32_t *w,      \
                            int32_t first, int32_t n)                                          \
    {                                                                                          \
        name##_sums(&y[first], v, u, w, n - first);                                            \
        name##_moved(&y[first], &v[first], u, n - first);                                      \
    }

#endif
