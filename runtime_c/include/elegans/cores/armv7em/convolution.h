/* SPDX-License-Identifier: 0BSD */
/* The inner loop of convolutions on Cortex-M4, M7 and M33; the contract is in
 * el_convolution_runs.h. */
#ifndef EL_CORE_ARMV7EM_CONVOLUTION_H
#define EL_CORE_ARMV7EM_CONVOLUTION_H

#include <stdint.h>

/* Two elements of x against four outputs: six instructions for eight products. LDM takes the
 * registers in ascending order, so they are named; none of them is a frame pointer. */
#define EL_FOUR_PAIRS                     \
    "ldr %5, [%6], #4\n\t"                \
    "ldmia %4!, {r4, r5, r8, r10}\n\t"    \
    "smlad %0, %5, r4, %0\n\t"            \
    "smlad %1, %5, r5, %1\n\t"            \
    "smlad %2, %5, r8, %2\n\t"            \
    "smlad %3, %5, r10, %3\n\t"

/* One element, whose pair is not there. */
#define EL_FOUR_PRODUCTS                  \
    "ldrsh %5, [%6]\n\t"                  \
    "ldmia %4!, {r4, r5, r8, r10}\n\t"    \
    "smlabb %0, %5, r4, %0\n\t"           \
    "smlabb %1, %5, r5, %1\n\t"           \
    "smlabb %2, %5, r8, %2\n\t"           \
    "smlabb %3, %5, r10, %3\n\t"

#define EL_RUN(products)                                                                       \
    __asm__(products                                                                           \
            : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(weights), "=&r"(two), "+r"(inputs)  \
            : : "r4", "r5", "r8", "r10", "memory")

static inline void el_convolution_runs(int32_t acc[4], const int16_t *w, const int16_t *x,
                                       uint32_t n, uint32_t runs, uint32_t w_run, uint32_t x_run)
{
    int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
    int32_t two;

    for (; runs > 0U; runs--) {
        const int16_t *weights = w;
        const int16_t *inputs = x;

        for (uint32_t left = EL_UNROLLED ? (n >> 3) : 0U; left > 0U; left--) {
            EL_RUN(EL_FOUR_PAIRS EL_FOUR_PAIRS EL_FOUR_PAIRS EL_FOUR_PAIRS);
        }
        for (uint32_t left = EL_UNROLLED ? ((n >> 1) & 3U) : (n >> 1); left > 0U; left--) {
            EL_RUN(EL_FOUR_PAIRS);
        }
        if ((n & 1U) != 0U) {
            EL_RUN(EL_FOUR_PRODUCTS);
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
