/* SPDX-License-Identifier: 0BSD */
/* Lanes: elements of vectors that are computed together, each in 32 bits.
 *
 * What a kernel does to an element is one inline function, named as the kernel with a 1 behind it
 * and written in the operators + - * & | ^ ~ << >> and the functions below. It computes EL_LANES
 * elements: one on most cores, so that el_lane is int32_t, and four on cores with vectors, so that
 * el_lane is a vector and an operator one instruction. A step computes several kernels in one loop,
 * and what one of them leaves for the next stays in registers:
 *
 *   for (uint32_t i = 0; i < n; i += EL_LANES) {
 *       const el_lanes on = el_lanes_on(n - i);
 *       el_give(&y[i], el_tanh1(el_take(&z[i], on)), on);
 *   }
 *
 * A core with lanes of its own has a file that defines EL_NATIVE_LANES and all that stands under
 * it here. There a lane without an element takes 0 and gives nothing. */
#ifndef EL_LANES_H
#define EL_LANES_H

#include <stdint.h>

#include "elegans/el_fixed.h"
#include "elegans/el_pieces.h"
#include "elegans/el_wide.h"

#ifndef EL_NATIVE_LANES

#define EL_LANES 1U

typedef int32_t el_lane;

/* Which lanes have an element: all, where there is one. */
typedef uint32_t el_lanes;

/* The lanes of the next elements, of which `left` are left. */
static inline el_lanes el_lanes_on(uint32_t left)
{
    return left;
}

/* The next elements of a vector, or of a table of bytes. */
static inline el_lane el_take(const int16_t *v, el_lanes on)
{
    (void)on;
    return v[0];
}

static inline el_lane el_take8(const int8_t *v, el_lanes on)
{
    (void)on;
    return v[0];
}

/* Stores the lower halves of a as the next elements of a vector. */
static inline void el_give(int16_t *v, el_lane a, el_lanes on)
{
    (void)on;
    v[0] = (int16_t)((uint32_t)a & 0xFFFFU);
}

/* The members of curve[segment], of each lane's own segment. */
static inline el_lane el_value(const el_parabola *curve, el_lane segment)
{
    return curve[segment].value;
}

static inline el_lane el_slope(const el_parabola *curve, el_lane segment)
{
    return curve[segment].slope;
}

static inline el_lane el_bend(const el_parabola *curve, el_lane segment)
{
    return curve[segment].bend;
}

/* Of each lane what el_fixed.h says; n is a lane's own, in 0..31. */
static inline el_lane el_mask1(el_lane a)
{
    return el_mask(a);
}

static inline el_lane el_sat1(el_lane a)
{
#ifdef EL_NATIVE_SAT1
    return el_saturated(a);
#else
    return el_sat16(a);
#endif
}

static inline el_lane el_min1(el_lane a, int32_t b)
{
    return el_min(a, b);
}

static inline el_lane el_hold1(el_lane a, int16_t lo, int16_t hi)
{
    return el_hold32(a, lo, hi);
}

/* max(a, 0). */
static inline el_lane el_positive1(el_lane a)
{
#ifdef EL_NATIVE_POSITIVE
    return el_positive(a);
#else
    return a & ~el_mask(a);
#endif
}

static inline el_lane el_upto4_1(el_lane a)
{
    return el_upto4(a);
}

static inline el_lane el_upto5_1(el_lane a)
{
    return el_upto5(a);
}

/* el_upto16 and el_upto20 of an a that is not negative. */
static inline el_lane el_upto16_1(el_lane a)
{
#ifdef EL_NATIVE_MOST
    return el_most(a, 16U);
#else
    return el_upto16(a);
#endif
}

static inline el_lane el_upto20_1(el_lane a)
{
#ifdef EL_NATIVE_MOST
    return el_most(a, 20U);
#else
    return el_upto20(a);
#endif
}

static inline el_lane el_shr1(el_lane a, el_lane n)
{
    return a >> n;
}

static inline el_lane el_rshr1(el_lane a, el_lane n)
{
#ifdef EL_NATIVE_ROUNDED
    return el_rounded_by(a, n);
#else
    return el_rshr(a, (uint32_t)n);
#endif
}

/* el_rshr by one n for all lanes, which the macro wants as a constant of 1..31. */
static inline el_lane el_rshr_all(el_lane a, uint32_t n)
{
    return el_rshr(a, n);
}

#ifdef EL_NATIVE_ROUNDED
#define EL_RSHR1(a, n) EL_ROUNDED(a, n)
#else
#define EL_RSHR1(a, n) el_rshr(a, n)
#endif

/* a b and a + b of one b for all lanes. */
static inline el_lane el_times1(el_lane a, int32_t b)
{
    return a * b;
}

static inline el_lane el_plus1(el_lane a, int32_t b)
{
    return a + b;
}

/* The value of curve[segment] at j, by el_pieces.h; `down` is a constant. */
#ifdef EL_NATIVE_PARABOLA
#define EL_PARABOLA1(curve, segment, j, down) EL_ON_PARABOLA(&(curve)[segment], j, down)
#else
#define EL_PARABOLA1(curve, segment, j, down)                                                   \
    ((el_value(curve, segment)                                                                  \
      + ((el_slope(curve, segment) + EL_RSHR1(el_bend(curve, segment) * (j), (down) + 3)) * (j))) \
     >> (down))
#endif

/* The lower bits of a, from their middle on: (a mod 2^bits) - 2^(bits - 1). */
#define EL_CENTRED1(a, bits) (((a) & ((1 << (bits)) - 1)) - (1 << ((bits) - 1)))

/* min(2^15 - a, 2^15 - 1) of an a in 0..2^15. */
static inline el_lane el_rest1(el_lane a)
{
    return el_sat1(32768 - a);
}

/* Where a < 0: m := other and e := 0. */
static inline void el_if_negative1(el_lane a, el_lane other, el_lane *m, el_lane *e)
{
#ifdef EL_NATIVE_IF_NEGATIVE
    el_if_negative(a, other, m, e);
#else
    const int32_t sign = el_mask(a);

    *m ^= (*m ^ other) & sign;
    *e &= ~sign;
#endif
}

/* a + 2 c modulo 2^32. */
static inline el_lane el_plus_twice1(el_lane a, el_lane c)
{
    return (int32_t)((uint32_t)a + (2U * (uint32_t)c));
}

/* el_upper_product of el_wide.h. */
static inline el_lane el_upper_product1(el_lane a, int16_t b)
{
    return el_upper_product(a, b);
}

#endif

/* A share m 2^-(15 + e): m in 0..32767, e in 0..17. */
typedef struct {
    el_lane m;
    el_lane e;
} el_share;

/* A 32-bit integer a, and u, its upper half, rounded (el_wide.h). */
typedef struct {
    el_lane a;
    el_lane u;
} el_wide;

/* A share of a vector of n, whose mantissa is v[0]. */
static inline el_share el_take_share(const int16_t *v, uint32_t n, el_lanes on)
{
    const el_share s = {el_take(v, on), el_take(v + n, on)};

    return s;
}

static inline void el_give_share(int16_t *v, uint32_t n, el_share s, el_lanes on)
{
    el_give(v, s.m, on);
    el_give(v + n, s.e, on);
}

/* A 32-bit integer of a vector of n, whose upper half is v[0]. */
static inline el_wide el_take_wide(const int16_t *v, uint32_t n, el_lanes on)
{
    const el_lane u = el_take(v, on);
    const el_wide found = {(u * 65536) + el_take(v + n, on), u};

    return found;
}

static inline void el_give_wide(int16_t *v, uint32_t n, el_wide a, el_lanes on)
{
    el_give(v, a.u, on);
    el_give(v + n, a.a, on);
}

/* a with its rounded upper half. a + 2^15 must fit. */
static inline el_wide el_wide1(el_lane a)
{
    const el_wide found = {a, EL_RSHR1(a, 16)};

    return found;
}

/* m 2^-e with an exponent of at most 17; e in 0..127. */
static inline el_share el_limited1(el_lane m, el_lane e)
{
    const el_lane over = el_plus1(e, -17);
    const el_share s = {el_rshr1(m, el_upto4_1(over)), e - el_positive1(over)};

    return s;
}

#endif
