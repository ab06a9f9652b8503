/* SPDX-License-Identifier: 0BSD */
/* y = gain x of 32-bit integers x, in any 16-bit format.
 *
 *   y      [n]; must not overlap x
 *   x      [2 n] halves (el_wide.h)
 *   gain   -32767..32767
 *   shift  0..30, right shift from the scale of (upper half) * gain to y's
 *
 * Exact twin of exporter/ops/narrow.py. */
#ifndef EL_NARROW_H
#define EL_NARROW_H

#include <stdint.h>

#include "elegans/el_lanes.h"

/* Of one element. */
static inline el_lane el_narrow1(el_wide x, int32_t gain, uint32_t shift)
{
    return el_sat1(el_rshr_all(el_upper_product1(x.a, (int16_t)gain), shift));
}

EL_INLINE void el_narrow(int16_t *y, const int16_t *x, int32_t gain, uint32_t shift,
                         uint32_t n)
{
    for (uint32_t i = 0; i < n; i += EL_LANES) {
        const el_lanes on = el_lanes_on(n - i);

        el_give(&y[i], el_narrow1(el_take_wide(&x[i], n, on), gain, shift), on);
    }
}

#endif
