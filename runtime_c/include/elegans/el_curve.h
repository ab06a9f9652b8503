/* An odd function from 257 entries for z >= 0, interpolated.
 *
 * The sign goes last, so the result is odd; -32768, which has no negative in int16_t,
 * counts as -32767. A slope is at most 1024 and the fraction below 128: the product fits.
 * Exact twin of odd_curve in exporter/ops/tanh.py. */
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
