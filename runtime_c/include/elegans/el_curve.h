/* SPDX-License-Identifier: 0BSD */
/* An odd function, from a table of its values for z >= 0, interpolated linearly.
 *
 *   table  [257] the values at z = 0, 128, ..., 32768; neighbours differ by at most 1024
 *   z      any value; -32768, whose negative does not fit int16_t, counts as -32767
 *
 * The sign is restored last, so the result is odd. The difference of two neighbours times the
 * fraction of a segment, below 128, is at most 2^17. Exact twin of odd_curve in
 * exporter/ops/normal_cdf.py. */
#ifndef EL_CURVE_H
#define EL_CURVE_H

#include <stdint.h>

#include "elegans/el_fixed.h"

static inline int16_t el_curve(const int16_t table[257], int16_t z)
{
    const int32_t sign = el_mask(z);
    const int32_t magnitude = el_sat16((z ^ sign) - sign);
    const int16_t *left = &table[magnitude >> 7];
    const int32_t slope = (int32_t)left[1] - left[0];
    const int32_t y = left[0] + el_rshr(slope * (magnitude & 127), 7);

    return (int16_t)((y ^ sign) - sign);
}

#endif
