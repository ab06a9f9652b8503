/* SPDX-License-Identifier: 0BSD */
/* The inner loop of convolutions on Cortex-M55 and M85; the contract is in
 * el_convolution_runs.h. */
#ifndef EL_CORE_ARMV81M_MVE_CONVOLUTION_H
#define EL_CORE_ARMV81M_MVE_CONVOLUTION_H

#include <stdint.h>

/* Eight elements of x against four outputs: VLD4 takes the pairs of each output apart. It loads 16
 * words, which may be more than are left of a run, so x is loaded by lanes and those behind its
 * end are zero. */
#define EL_FOUR_SUMS                                   \
    "vld40.32 {q4, q5, q6, q7}, [%4]\n\t"              \
    "vld41.32 {q4, q5, q6, q7}, [%4]\n\t"              \
    "vld42.32 {q4, q5, q6, q7}, [%4]\n\t"              \
    "vld43.32 {q4, q5, q6, q7}, [%4]!\n\t"             \
    "vmladava.s16 %0, q4, q0\n\t"                      \
    "vmladava.s16 %1, q5, q0\n\t"                      \
    "vmladava.s16 %2, q6, q0\n\t"                      \
    "vmladava.s16 %3, q7, q0\n\t"

#define EL_RUN(code, count)                                                                    \
    __asm__(code                                                                               \
            : "+Te"(a0), "+Te"(a1), "+Te"(a2), "+Te"(a3), "+r"(weights), "+r"(inputs)          \
            : "r"(count)                                                                       \
            : "q0", "q4", "q5", "q6", "q7", "lr", "memory")

static inline void el_convolution_runs(int32_t acc[4], const int16_t *w, const int16_t *x,
                                       uint32_t n, uint32_t runs, uint32_t w_run, uint32_t x_run)
{
    int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];

    for (; runs > 0U; runs--) {
        const int16_t *weights = w;
        const int16_t *inputs = x;

        if (n > 7U) {
            EL_RUN("dls lr, %6\n"
                   "1:\n\t"
                   "vldrh.u16 q0, [%5], #16\n\t"
                   EL_FOUR_SUMS
                   "le lr, 1b", n >> 3);
        }
        if ((n & 7U) != 0U) {
            EL_RUN("vctp.16 %6\n\t"
                   "vpst\n\t"
                   "vldrht.u16 q0, [%5]\n\t"
                   EL_FOUR_SUMS, n & 7U);
        }
        w += w_run;
        x += x_run;
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}

#undef EL_RUN
#endif
