/* SPDX-License-Identifier: 0BSD */
/* The loop of el_step_ratio on Armv8.1-M with MVE, by el_step_ratio.h: four neurons a round, with
 * tail predication. VQSHLU by nothing makes 0 of what is below it. */
#ifndef EL_CORE_ARMV81M_MVE_STEP_RATIO_H
#define EL_CORE_ARMV81M_MVE_STEP_RATIO_H

#include <stdint.h>

static inline void el_all_step_ratios(int16_t *r, const int16_t *t, const int16_t *rate,
                                      const int8_t *shift, int32_t quotient, int32_t least,
                                      uint32_t n)
{
    int16_t *scale = &r[n];
    int16_t *net = &r[2U * n];

    __asm__ volatile("dlstp.32 lr, %[n]\n"
            "1:\n\t"
            "vldrb.s32 q0, [%[shift]], #4\n\t"
            "vadd.i32 q0, q0, %[spare]\n\t"
            "vldrh.s32 q1, [%[rate]], #8\n\t"
            "vmul.i32 q1, q1, %[mantissa]\n\t"
            "vrshr.s32 q1, q1, #15\n\t"
            "vshr.s32 q2, q0, #31\n\t"
            "vshr.u32 q2, q2, #17\n\t"            /* INT16_MAX where s is beyond its end */
            "vorr q1, q1, q2\n\t"
            "vstrh.32 q1, [%[r]], #8\n\t"
            "vqshlu.s32 q0, q0, #0\n\t"
            "vadd.i32 q0, q0, %[below]\n\t"       /* s - 1 */
            "vqshl.u32 q1, q0, #27\n\t"
            "vshr.u32 q1, q1, #27\n\t"            /* at most 31 */
            "vstrh.32 q1, [%[scale]], #8\n\t"
            "vneg.s32 q0, q0\n\t"
            "vadd.i32 q0, q0, %[above]\n\t"
            "vqshlu.s32 q0, q0, #0\n\t"
            "vadd.i32 q0, q0, %[lowest]\n\t"
            "vstrh.32 q0, [%[net]], #8\n\t"
            "letp lr, 1b"
            : [shift] "+&l"(shift), [rate] "+&l"(rate), [r] "+&l"(r), [scale] "+&l"(scale),
              [net] "+&l"(net)
            : [spare] "r"(t[1] - least), [mantissa] "r"((int32_t)t[0]), [below] "r"(least - 1),
              [above] "r"(quotient + 19), [lowest] "r"(-20), [n] "r"(n)
            : "q0", "q1", "q2", "lr", "memory");
}

#endif
