/* SPDX-License-Identifier: 0BSD */
/* y = tanh of an argument of 32 bits.
 *
 *   y      [n] Q0.15; must not overlap x
 *   x      [2 n] halves (el_wide.h)
 *   gain   -32767..32767: gain x is 8/5 of the argument
 *   shift  0..30, right shift from the scale of (upper half) * gain to 17 fractional bits
 *
 * Odd, and within 0.57 units of the exact value. Exact twin of exporter/ops/wide_tanh.py. */
#ifndef EL_WIDE_TANH_H
#define EL_WIDE_TANH_H

#include <stdint.h>

#include "elegans/el_lanes.h"

/* Of the magnitude of z: 128 parabolas for 2^13 arguments each, of which the value has 16 bits more
 * than the result, and half a unit of it. */
extern const el_parabola el_wide_tanh_curve[128];

/* Of one element. */
static inline el_lane el_wide_tanh1(el_wide x, int32_t gain, uint32_t shift)
{
    const el_lane z = el_rshr_all(el_upper_product1(x.a, (int16_t)gain), shift);
    const el_lane sign = el_mask1(z);
    const el_lane u = el_upto20_1((z ^ sign) - sign);
    const el_lane j = EL_CENTRED1(u, 13);
    const el_lane y = EL_PARABOLA1(el_wide_tanh_curve, u >> 13, j, 16);

    return (y ^ sign) - sign;
}

void el_wide_tanh(int16_t *y, const int16_t *x, int32_t gain, uint32_t shift, uint32_t n);

#endif
