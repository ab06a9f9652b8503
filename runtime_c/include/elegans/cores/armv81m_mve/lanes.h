/* SPDX-License-Identifier: 0BSD */
/* el_lanes.h with MVE: four lanes in a vector register. */
#ifndef EL_CORE_MVE_LANES_H
#define EL_CORE_MVE_LANES_H

#include <arm_mve.h>
#include <stdint.h>

#include "elegans/el_pieces.h"

#define EL_NATIVE_LANES
#define EL_LANES 4U

typedef int32x4_t el_lane;

/* A predicate: VCTP sets the bits of the lanes that have an element. */
typedef mve_pred16_t el_lanes;

static inline el_lanes el_lanes_on(uint32_t left)
{
    return vctp32q(left);
}

static inline el_lane el_take(const int16_t *v, el_lanes on)
{
    return vldrhq_z_s32(v, on);
}

static inline el_lane el_take8(const int8_t *v, el_lanes on)
{
    return vldrbq_z_s32(v, on);
}

static inline void el_give(int16_t *v, el_lane a, el_lanes on)
{
    vstrhq_p_s32(v, a, on);
}

/* The offset of a parabola, which has eight bytes. */
static inline uint32x4_t el_parabola_at(el_lane segment)
{
    return vreinterpretq_u32_s32(segment << 3);
}

static inline el_lane el_value(const el_parabola *curve, el_lane segment)
{
    return vldrwq_gather_offset_s32(&curve->value, el_parabola_at(segment));
}

static inline el_lane el_slope(const el_parabola *curve, el_lane segment)
{
    return vldrhq_gather_offset_s32(&curve->slope, el_parabola_at(segment));
}

static inline el_lane el_bend(const el_parabola *curve, el_lane segment)
{
    return vldrhq_gather_offset_s32(&curve->bend, el_parabola_at(segment));
}

static inline el_lane el_mask1(el_lane a)
{
    return vshrq_n_s32(a, 31);
}

static inline el_lane el_min1(el_lane a, int32_t b)
{
    return vminq_s32(a, vdupq_n_s32(b));
}

static inline el_lane el_max1(el_lane a, int32_t b)
{
    return vmaxq_s32(a, vdupq_n_s32(b));
}

/* VQMOVNB writes the lower halves of a, from which VMOVLB makes lanes of 32 bits. */
static inline el_lane el_sat1(el_lane a)
{
    return vmovlbq_s16(vqmovnbq_s32(vreinterpretq_s16_s32(a), a));
}

static inline el_lane el_hold1(el_lane a, int16_t lo, int16_t hi)
{
    return el_max1(el_min1(a, hi), lo);
}

/* Saturating shifts hold without a vector of the end, which would not stay in a register. */
static inline el_lane el_positive1(el_lane a)
{
    return vreinterpretq_s32_u32(vqshluq_n_s32(a, 0));
}

static inline el_lane el_upto4_1(el_lane a)
{
    return el_max1(el_min1(a, 15), 0);
}

static inline el_lane el_upto5_1(el_lane a)
{
    return el_max1(el_min1(a, 31), 0);
}

static inline el_lane el_upto16_1(el_lane a)
{
    return vreinterpretq_s32_u32(vshrq_n_u32(vqshlq_n_u32(vreinterpretq_u32_s32(a), 16), 16));
}

static inline el_lane el_upto20_1(el_lane a)
{
    return vreinterpretq_s32_u32(vshrq_n_u32(vqshlq_n_u32(vreinterpretq_u32_s32(a), 12), 12));
}

/* VSHL and VRSHL shift to the right by a negative number. */
static inline el_lane el_shr1(el_lane a, el_lane n)
{
    return vshlq_s32(a, vnegq_s32(n));
}

static inline el_lane el_rshr1(el_lane a, el_lane n)
{
    return vrshlq_s32(a, vnegq_s32(n));
}

static inline el_lane el_rshr_all(el_lane a, uint32_t n)
{
    return vrshlq_n_s32(a, -(int32_t)n);
}

#define EL_RSHR1(a, n) vrshrq_n_s32(a, n)

static inline el_lane el_times1(el_lane a, int32_t b)
{
    return vmulq_n_s32(a, b);
}

static inline el_lane el_plus1(el_lane a, int32_t b)
{
    return vaddq_n_s32(a, b);
}

#define EL_PARABOLA1(curve, segment, j, down)                                                   \
    vshrq_n_s32(el_value(curve, segment)                                                        \
                + ((el_slope(curve, segment)                                                    \
                    + EL_RSHR1(el_bend(curve, segment) * (j), (down) + 3)) * (j)), down)

#define EL_CENTRED1(a, bits) \
    vshrq_n_s32(vsubq_n_s32(vshlq_n_s32(a, 32 - (bits)), INT32_MIN), 32 - (bits))

/* 2^15 - 1 less max(a - 1, 0). */
static inline el_lane el_rest1(el_lane a)
{
    const uint32x4_t less = vqsubq_n_u32(vreinterpretq_u32_s32(a), 1U);

    return vaddq_n_s32(vnegq_s32(vreinterpretq_s32_u32(less)), INT16_MAX);
}

/* By a mask, because VPSEL would take the predicate of the lanes. */
static inline void el_if_negative1(el_lane a, el_lane other, el_lane *m, el_lane *e)
{
    const el_lane sign = vshrq_n_s32(a, 31);

    *m ^= (*m ^ other) & sign;
    *e &= ~sign;
}

/* VMULH gives bits 32 to 63 of the product. */
static inline el_lane el_upper_product1(el_lane a, int16_t b)
{
    return vmulhq_s32(a, vdupq_n_s32(b * 65536));
}

/* a + 2 c modulo 2^32. */
static inline el_lane el_plus_twice1(el_lane a, el_lane c)
{
    return vaddq_s32(a, vshlq_n_s32(c, 1));
}

/* el_tanh.h. The piece of each u, and J 2^16. VMULH gives bits 32 to 63 of
 * a product. */
static inline el_lane el_fine_tanh1(el_lane u)
{
    const int32_t *pieces = &el_tanh_pieces[32].value;
    const uint32x4_t at = vreinterpretq_u32_s32((u >> 10) * 2);
    const el_lane j = vsubq_n_s32(vshlq_n_s32(u, 22), INT32_MIN);
    const el_lane slope = vldrwq_gather_shifted_offset_s32(pieces + 1, at);
    const el_lane y = slope + vmulhq_s32(vshlq_n_s32(slope, 16), j);

    return vldrwq_gather_shifted_offset_s32(pieces, at) + vmulhq_s32(y, j);
}

/* Four sums in q0, shifted by a constant and saturated, in its lower halves. VQSHRNB.S32 q0, q0,
 * #shift is a number, because binutils 2.40 assembles the rounding VQRSHRNB for it. */
#define EL_NARROWED(shift)                                          \
    ".if " #shift " > 16\n\t"                                       \
    "vshr.s32 q0, q0, #(" #shift " - 16)\n\t"                       \
    ".inst.w 0xee800f40 + (16 << 16)\n\t"                           \
    ".else\n\t"                                                     \
    ".inst.w 0xee800f40 + ((32 - " #shift ") << 16)\n\t"            \
    ".endif\n\t"

/* y[i] = sat16((b + w x[i]) >> s) for four i, each with its own b and w; y is not x. EL_FOUR_ROWS has
 * one s, 1..31, EL_FOUR_SHIFTED one for each. */
#define EL_FOUR_ROWS(y, x, s, b0, w0, b1, w1, b2, w2, b3, w3)                       \
    do {                                                                            \
        static const int32_t el_four[] = {b0, b1, b2, b3, w0, w1, w2, w3};          \
                                                                                    \
        EL_FOUR_BY(y, x, EL_NARROWED(s));                                           \
    } while (0)

#define EL_FOUR_SHIFTED(y, x, s0, s1, s2, s3, b0, w0, b1, w1, b2, w2, b3, w3)       \
    do {                                                                            \
        static const int32_t el_four[] = {b0, b1, b2, b3, w0, w1, w2, w3,           \
                                          -(s0), -(s1), -(s2), -(s3)};              \
                                                                                    \
        EL_FOUR_BY(y, x,                                                            \
                   "vldrw.u32 q1, [%1, #32]\n\t"                                    \
                   "vshl.s32 q0, q0, q1\n\t"                                        \
                   "vqmovnb.s32 q0, q0\n\t");                                       \
    } while (0)

#define EL_FOUR_BY(y, x, narrowed)                                                  \
    __asm__ volatile("vldrh.s32 q0, [%0]\n\t"                                       \
            "vldrw.u32 q1, [%1, #16]\n\t"                                           \
            "vmul.i32 q0, q0, q1\n\t"                                               \
            "vldrw.u32 q1, [%1]\n\t"                                                \
            "vadd.i32 q0, q0, q1\n\t"                                               \
            narrowed                                                                \
            "vstrh.32 q0, [%2]"                                                     \
            :                                                                       \
            : "l"(x), "r"(el_four), "l"(y)                                          \
            : "q0", "q1", "memory")

#endif
