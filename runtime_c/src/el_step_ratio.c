/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_step_ratio.h"

#include "elegans/el_lanes.h"

#ifdef EL_NATIVE_STEP_RATIO
#include EL_NATIVE_STEP_RATIO
#else
/* The loop over all neurons, with the lesser end of their exponents. A core that has its own names
 * the file as EL_NATIVE_STEP_RATIO. */
static inline void el_all_step_ratios(int16_t *r, const int16_t *t, const int16_t *rate,
                                      const int8_t *shift, int32_t quotient, int32_t least,
                                      uint32_t n)
{
    const int32_t mantissa = t[0];
    const int32_t exponent = t[1] - least;

    for (uint32_t i = 0; i < n; i++) {
        const int32_t spare = shift[i] + exponent;
        const int32_t s = el_positive1(spare) + least;
        const int32_t m = el_rshr((int32_t)rate[i] * mantissa, 15);

        r[i] = (int16_t)(m | (el_mask(spare) & INT16_MAX));
        r[n + i] = (int16_t)el_upto5(s - 1);
        r[(2U * n) + i] = (int16_t)(el_positive1((quotient + 20) - s) - 20);
    }
}
#endif

void el_step_ratio(int16_t *r, const int16_t *t, const int16_t *rate, const int8_t *shift,
                   uint32_t quotient, uint32_t n)
{
    el_all_step_ratios(r, t, rate, shift, (int32_t)quotient, (int32_t)quotient - 18, n);
}
