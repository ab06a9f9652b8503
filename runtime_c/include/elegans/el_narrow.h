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

#include "elegans/el_wide.h"

EL_INLINE void el_narrow(int16_t *y, const int16_t *x, int32_t gain, uint32_t shift,
                         uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = el_sat16(el_rshr(el_upper_product(el_whole(x, i, n), (int16_t)gain), shift));
    }
}

#endif
