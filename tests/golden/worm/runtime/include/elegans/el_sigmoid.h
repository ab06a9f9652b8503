/* SPDX-License-Identifier: 0BSD */
/* y = sigmoid(z) = (1 + tanh(z/2)) / 2, from tanh's table.
 *
 *   y  [n] Q0.15 in [1, 32767]; may be z
 *   z  [n] 8/5 of the argument in Q4.11, any value. The same integer read as Q3.12 is 8/5 of
 *      half the argument, which is what el_fine_tanh takes
 *
 * Monotone, and within 2 units of sigmoid correctly rounded. Exact twin of
 * exporter/ops/sigmoid.py. */
#ifndef EL_SIGMOID_H
#define EL_SIGMOID_H

#include <stdint.h>

#include "elegans/el_tanh.h"

/* 2^30 is a half in Q0.31. el_fine_tanh / 2 has the rounding 2^14; together with 2^14 here that
 * is 2^15, half a unit of Q0.15. */
#define EL_SIGMOID_HALF ((1 << 30) + (1 << 14))

/* Of one element, for u = el_half_segment_on(z) and for z. */
#ifndef EL_NATIVE_SIGMOID1
static inline el_lane el_sigmoid_on1(el_lane u)
{
    return el_plus1(el_fine_tanh1(u) >> 1, EL_SIGMOID_HALF) >> 16;
}
#endif

static inline el_lane el_sigmoid1(el_lane z)
{
    return el_sigmoid_on1(el_sat1(el_plus1(z, 512)));
}

/* A core may have el_sigmoid_run(y, z), of EL_ACTIVATION_RUN elements (EL_NATIVE_ACTIVATIONS). */
void el_sigmoid(int16_t *y, const int16_t *z, uint32_t n);

#endif
