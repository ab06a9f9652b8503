/* SPDX-License-Identifier: 0BSD */
/* The loop of el_leaky on Armv8.1-M with MVE, by el_leaky.h: four elements a round, with tail
 * predication. `pairs` has the addresses of the next four pairs, less the 32 bytes that each load
 * adds, and `time` elapsed time in the upper halves, for VRMULH gives the rounded upper half of 64
 * bits. Shifts to the right by a vector are to the left by its negative. */
#ifndef EL_CORE_ARMV81M_MVE_LEAKY_H
#define EL_CORE_ARMV81M_MVE_LEAKY_H

#include <arm_mve.h>

/* With k, the exponent of dt / tau in 2^-(4 + k), e = max(k - 5, 0) is that of the share. */
static inline void el_leaky_all(int16_t *y, const int16_t *h, const int16_t *g, const int16_t *t,
                                const int32_t *rates, uint32_t n)
{
    int16_t *lower = &y[n];
    uint32x4_t pairs = vidupq_n_u32((uint32_t)rates - 32U, 8);
    const int32x4_t time = vdupq_n_s32(t[0] * 65536);

    if (y != h) {
        el_copy(y, h, 2U * n);
    }
    __asm__ volatile("dlstp.32 lr, %[n]\n"
            "1:\n\t"
            "vldrw.u32 q2, [%q[pairs], #32]!\n\t"
            "vldrw.u32 q3, [%q[pairs], #4]\n\t"
            "vrmulh.s32 q2, q2, %q[time]\n\t"
            "vadd.i32 q3, q3, %[less]\n\t"          /* k - 6 */
            "vadd.i32 q0, q3, %[one]\n\t"
            "vqshlu.s32 q0, q0, #0\n\t"             /* e */
            "vsub.i32 q3, q0, q3\n\t"
            "vneg.s32 q0, q0\n\t"
            "vshl.s32 q2, q2, q3\n\t"
            "vshl.s32 q3, q2, q0\n\t"
            "vqshl.u32 q2, q2, #16\n\t"             /* the factor, in the upper half */
            "vqshl.u32 q3, q3, #12\n\t"             /* the place on the curve, in 20 bits */
            "vshr.u32 q4, q3, #26\n\t"
            "vshl.i32 q4, q4, #3\n\t"               /* the offset of its segment */
            "vshl.i32 q5, q3, #6\n\t"
            "vsub.i32 q5, q5, %[middle]\n\t"
            "vldrh.s32 q1, [%[bend], q4]\n\t"
            "vshr.s32 q5, q5, #18\n\t"              /* j */
            "vldrh.s32 q3, [%[slope], q4]\n\t"
            "vmul.i32 q1, q1, q5\n\t"
            "vrshr.s32 q1, q1, #16\n\t"
            "vadd.i32 q1, q1, q3\n\t"
            "vldrw.u32 q3, [%[curve], q4]\n\t"
            "vmul.i32 q1, q1, q5\n\t"
            "vadd.i32 q1, q1, q3\n\t"
            "vldrh.s32 q3, [%[y]]\n\t"
            "vshr.s32 q1, q1, #13\n\t"
            "vrmulh.u32 q2, q2, q1\n\t"             /* the share's mantissa */
            "vldrh.s32 q1, [%[g]], #8\n\t"
            "vsub.i32 q1, q1, q3\n\t"
            "vldrh.s32 q4, [%[lower]]\n\t"
            "vmul.i32 q2, q2, q1\n\t"
            "vshl.i32 q3, q3, #16\n\t"
            "vrshl.s32 q2, q2, q0\n\t"
            "vadd.i32 q3, q3, q4\n\t"
            "vshl.i32 q2, q2, #1\n\t"
            "vadd.i32 q3, q3, q2\n\t"
            "vstrh.32 q3, [%[lower]], #8\n\t"
            "vrshr.s32 q3, q3, #16\n\t"
            "vstrh.32 q3, [%[y]], #8\n\t"
            "letp lr, 1b"
            : [g] "+&l"(g), [y] "+&l"(y), [lower] "+&l"(lower), [pairs] "+&w"(pairs)
            : [time] "w"(time), [less] "r"(t[1] - 5), [one] "r"(1), [middle] "r"(INT32_MIN),
              [curve] "r"(el_decay_share_curve), [slope] "r"(&el_decay_share_curve->slope),
              [bend] "r"(&el_decay_share_curve->bend), [n] "r"(n)
            : "q0", "q1", "q2", "q3", "q4", "q5", "lr", "memory");
}

#endif
