/* SPDX-License-Identifier: 0BSD */
/* Fixed point: the one rounding rule, saturation, and choices without a branch.
 *
 * A value is a two's-complement integer with a power-of-two scale. Qm.n has n fractional
 * bits: value = integer / 2^n. Every kernel takes its outputs first, the caller owns all
 * memory, and nothing here can fail: ranges are proved when the model is exported.
 *
 * On the cores in el_core.h no function branches on its data, so the number of instructions
 * does not depend on it. In portable C that is up to the compiler.
 *
 * Exact twin of exporter/numbers/fixed.py. */
#ifndef EL_FIXED_H
#define EL_FIXED_H

#include <limits.h>
#include <stdint.h>

#include "elegans/el_core.h"
#include "elegans/el_version.h"

/* C computes int16_t * int16_t in int. Products and sums of the kernels need 32 bits, so with an
 * int of 16 (AVR, MSP430) each of them would be wrong without a word. */
#if INT_MAX != 0x7FFFFFFF
#error "elegans needs a target on which int has 32 bits"
#endif

/* The functions below that this core computes by its own instructions: EL_NATIVE_x is defined
 * where x is among them. */
#include EL_CORE_HEADER

/* C leaves the right shift of a negative number to the compiler. This does not compile unless
 * the compiler shifts arithmetically, as those for all cores here do. */
typedef char el_rshr_needs_an_arithmetic_right_shift[((-1 >> 1) == -1) ? 1 : -1];

/* a / 2^n, rounded half up, for n in 0..30. The caller proves that a + 2^(n-1) fits. */
static inline int32_t el_rshr(int32_t a, uint32_t n)
{
    return (a + (int32_t)((1U << n) >> 1)) >> n;
}

/* -1 (all ones) if a < 0, else 0. */
#ifndef EL_NATIVE_MASK
static inline int32_t el_mask(int32_t a)
{
    return a >> 31;
}
#endif

/* The lesser of a and b. The caller proves that a - b fits. */
static inline int32_t el_min(int32_t a, int32_t b)
{
    const int32_t over = a - b;

    return b + (over & el_mask(over));
}

/* The greater of a and b. The caller proves that a - b fits. */
static inline int32_t el_max(int32_t a, int32_t b)
{
    const int32_t over = a - b;

    return a - (over & el_mask(over));
}

/* a saturated to int16: the nearest integer in [-32768, 32767]. */
#ifndef EL_NATIVE_SAT16
static inline int16_t el_sat16(int32_t a)
{
    return (int16_t)((a < INT16_MIN) ? INT16_MIN : ((a > INT16_MAX) ? INT16_MAX : a));
}
#endif

/* a >> n saturated to int16, for a constant n in 1..31. */
#ifndef EL_NATIVE_SAT16_OF
#define EL_SAT16_OF(a, n) el_sat16((a) >> (n))
#endif

/* w x, by a multiplication. Of a constant w a compiler makes shifts and additions, and more of them
 * than it believes where the multiplier is fast. */
#ifndef EL_NATIVE_TIMES
static inline int32_t el_times(int32_t w, int32_t x)
{
    return w * x;
}
#endif

/* a clamped to [lo, hi], lo <= hi. */
#ifndef EL_NATIVE_HOLD
static inline int16_t el_hold(int32_t a, int16_t lo, int16_t hi)
{
    return (int16_t)el_max(el_min(el_sat16(a), hi), lo);
}
#endif

/* a clamped to [lo, hi], lo <= hi. The caller proves that the differences fit. */
#ifndef EL_NATIVE_HOLD32
static inline int32_t el_hold32(int32_t a, int32_t lo, int32_t hi)
{
    return el_max(el_min(a, hi), lo);
}
#endif

/* The zeros above the highest bit of a, which is not negative, but for its sign: 31 if a is 0. */
#ifndef EL_NATIVE_LEADING_ZEROS
static inline int32_t el_leading_zeros(int32_t a)
{
    int32_t zeros = 0;

    for (int32_t step = 16; step > 0; step >>= 1) {
        const int32_t empty = el_mask((a >> (31 - step)) - 1) & step;
        a = (int32_t)((uint32_t)a << empty);
        zeros += empty;
    }
    return zeros;
}
#endif

/* el_upto4(a), ..., el_upto20(a): a held between 0 and 2^4 - 1, ..., 2^20 - 1. */
#ifndef EL_NATIVE_UPTO
#define EL_UPTO(bits)                                   \
    static inline int32_t el_upto##bits(int32_t a)      \
    {                                                   \
        return el_max(el_min(a, (1 << (bits)) - 1), 0); \
    }
#endif
EL_UPTO(4)
EL_UPTO(5)
EL_UPTO(16)
EL_UPTO(20)

/* to[0] = from[0] and to[1] = from[1]; the two may overlap. */
#ifndef EL_NATIVE_COPY2
static inline void el_copy2(int16_t *to, const int16_t *from)
{
    const int16_t first = from[0];
    const int16_t second = from[1];

    to[0] = first;
    to[1] = second;
}
#endif

/* to[0] = from[0] clamped to [lo0, hi0], and to[1] = from[1] to [lo1, hi1]; each lo <= hi, and the
 * two may overlap. */
#ifndef EL_NATIVE_HOLD2
static inline void el_hold2(int16_t *to, const int16_t *from, int16_t lo0, int16_t hi0,
                            int16_t lo1, int16_t hi1)
{
    const int16_t first = el_hold(from[0], lo0, hi0);
    const int16_t second = el_hold(from[1], lo1, hi1);

    to[0] = first;
    to[1] = second;
}
#endif

#endif
