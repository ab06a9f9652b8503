/* SPDX-License-Identifier: 0BSD */
/* Real numbers to integers at the border of a model: rounded half up, saturated, NaN defined.
 *
 * Nothing of a model or of the runtime includes this file; NAME_float.h of a BUILD does. What the
 * functions give are the integers of exporter/ir/conversion.py, to the bit, for every float. */
#ifndef EL_REAL_H
#define EL_REAL_H

#include <float.h>
#include <stdint.h>

/* The integer nearest to v, halves upwards, held in [lo, hi]; NaN gives lo.
 *
 * A float below 2^31 minus its whole part is exact, so that no sum is rounded; v + 0.5F would be,
 * just below 0.5. NaN is told by its bits, so that -ffast-math changes nothing. */
static inline int32_t el_nearest(float v, int32_t lo, int32_t hi)
{
    union {
        float real;
        uint32_t bits;
    } u;
    int32_t whole;
    float rest;

    u.real = v;
    if (((u.bits & 0x7FFFFFFFUL) > 0x7F800000UL) || (v < -2147483648.0F)) {
        return lo;
    }
    if (v >= 2147483648.0F) {
        return hi;
    }
    whole = (int32_t)v;
    rest = v - (float)whole;
    if (rest >= 0.5F) {
        whole++;
    } else if (rest < -0.5F) {
        whole--;
    }
    return (whole < lo) ? lo : ((whole > hi) ? hi : whole);
}

/* The same of (v - offset) / scale * units, in double as the reference computes it: for raw counts,
 * which have a scale of their own, and for offsets beyond the digits of a float. Where double has
 * less than 53 bits (AVR) no such function is right, so there is none. */
#if DBL_MANT_DIG >= 53
static inline int32_t el_nearest_scaled(double v, double offset, double scale, double units,
    int32_t lo, int32_t hi)
{
    const double half_up = ((v - offset) / scale * units) + 0.5;
    int32_t whole;

    if (!(half_up >= (double)lo)) { /* NaN, too */
        return lo;
    }
    if (half_up >= ((double)hi + 1.0)) {
        return hi;
    }
    whole = (int32_t)half_up;
    return ((double)whole > half_up) ? (whole - 1) : whole;
}
#endif

/* el_nearest of a constant, for initialisers: v is evaluated several times, in double. */
#define EL_NEAREST(v, lo, hi)                            \
    (!(((v) + 0.5) >= (double)(lo)) ? (lo)               \
        : (((v) + 0.5) >= ((double)(hi) + 1.0)) ? (hi)   \
        : ((int32_t)((v) + 0.5) - (((v) + 0.5) < (double)(int32_t)((v) + 0.5))))

#endif
