/* SPDX-License-Identifier: 0BSD */
/* The inner loop of convolutions: four sums of products with stretches of x.
 *
 * acc[k] += sum of w[r w_run + 8 (e / 2) + 2 k + e % 2] * x[r x_run + e] over the runs r and their
 * elements e = 0..n-1, for k = 0..3: the weights of four outputs lie interleaved, two neighbouring
 * elements of x at a time, so that each load of x serves four products of pairs.
 *
 *   w  at a multiple of four bytes, w_run a multiple of 8; up to 24 elements behind the last of a
 *      run are read and not used
 *   x  of runs * n elements, at any address of an int16_t
 *   n  >= 1
 *
 * The caller proves that no partial sum leaves int32_t, in whatever order the products are added,
 * so each core may take them in the order that it does best. */
#ifndef EL_CONVOLUTION_RUNS_H
#define EL_CONVOLUTION_RUNS_H

#include "elegans/el_fixed.h"

#if (EL_CORE != EL_PORTABLE) && defined(__ARM_FEATURE_MVE)
#include "elegans/cores/armv81m_mve/convolution.h"
#elif (EL_CORE != EL_PORTABLE) && defined(__ARM_FEATURE_DSP) && defined(__OPTIMIZE__)
#include "elegans/cores/armv7em/convolution.h"
#else
static inline void el_convolution_runs(int32_t acc[4], const int16_t *w, const int16_t *x,
                                       uint32_t n, uint32_t runs, uint32_t w_run, uint32_t x_run)
{
    int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];

    for (; runs > 0U; runs--) {
        const int16_t *weights = w;
        const int16_t *inputs = x;

        for (uint32_t left = n / 2U; left > 0U; left--) {
            a0 += (int32_t)weights[0] * inputs[0] + (int32_t)weights[1] * inputs[1];
            a1 += (int32_t)weights[2] * inputs[0] + (int32_t)weights[3] * inputs[1];
            a2 += (int32_t)weights[4] * inputs[0] + (int32_t)weights[5] * inputs[1];
            a3 += (int32_t)weights[6] * inputs[0] + (int32_t)weights[7] * inputs[1];
            weights += 8;
            inputs += 2;
        }
        if ((n & 1U) != 0U) {
            a0 += (int32_t)weights[0] * inputs[0];
            a1 += (int32_t)weights[2] * inputs[0];
            a2 += (int32_t)weights[4] * inputs[0];
            a3 += (int32_t)weights[6] * inputs[0];
        }
        w += w_run;
        x += x_run;
    }
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
}
#endif

#endif
