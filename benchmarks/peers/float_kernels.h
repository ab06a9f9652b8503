/* SPDX-License-Identifier: 0BSD */
/*
 * What the tuned float C consists of: vectors of LANES floats and functions of them. On a core
 * with Helium (MVE) a vector has four lanes, on all others one.
 *
 *   fast_tanh  x (P0 + P1 x^2 + P2 x^4) / (1 + Q1 x^2 + Q2 x^4), x clamped to +-5.5, where
 *              1 - tanh x is 3.3e-5. It is at most 7.4e-5 away from tanh.
 *   fast_exp2  2^x for -126 < x <= 0: of the whole part i and the rest r in (-1, 0] of x, 2^r is
 *              a polynomial of degree 3, and i is added to its exponent. It is at most 7.6e-5 of
 *              the value away from 2^x.
 *
 * Both sets of coefficients are minimax fits. A sigmoid is 1/2 + 1/2 tanh(x / 2), whose halves
 * are in the weights before it and in what reads it.
 */
#ifndef FLOAT_KERNELS_H
#define FLOAT_KERNELS_H

#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

static const float P0 = 0.99968648f, P1 = 0.10000447f, P2 = 0.0006074013f;
static const float Q1 = 0.43248338f, Q2 = 0.012141089f, TANH_END = 5.5f;
static const float E0 = 0.9999252f, E1 = 0.69102073f, E2 = 0.23007035f, E3 = 0.03901226f;

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

#include <arm_mve.h>

#define LANES 4
typedef float32x4_t vf;
typedef uint32_t place; /* the index of a source */

INLINE vf load(const float *p) { return vldrwq_f32(p); }
INLINE void store(float *p, vf a) { vstrwq_f32(p, a); }
INLINE vf gather(const float *p, const place *index)
{
    return vldrwq_gather_shifted_offset_f32(p, vldrwq_u32(index));
}
INLINE vf all(float a) { return vdupq_n_f32(a); }
INLINE vf add(vf a, vf b) { return vaddq_f32(a, b); }
INLINE vf sub(vf a, vf b) { return vsubq_f32(a, b); }
INLINE vf mul(vf a, vf b) { return vmulq_f32(a, b); }
INLINE vf times(vf a, float b) { return vmulq_n_f32(a, b); }
INLINE vf plus(vf a, float b) { return vaddq_n_f32(a, b); }
INLINE vf madd(vf a, vf b, vf c) { return vfmaq_f32(a, b, c); }          /* a + b c */
INLINE vf madd1(vf a, vf b, float c) { return vfmaq_n_f32(a, b, c); }    /* a + b c */
INLINE vf horner(vf a, vf b, float c) { return vfmasq_n_f32(a, b, c); } /* a b + c */
INLINE vf absolute(vf a) { return vabsq_f32(a); }
INLINE vf positive(vf a) { return vmaxnmq_f32(a, all(0.0f)); }
INLINE vf clamp(vf a) { return vmaxnmq_f32(vminnmq_f32(a, all(TANH_END)), all(-TANH_END)); }

/* Helium cannot divide, but the lanes of its first two registers are also scalar registers. */
INLINE vf quotient(vf a, vf b)
{
    register vf n __asm__("q0") = a;
    register vf d __asm__("q1") = b;
    __asm__("vdiv.f32 s0, s0, s4\n\t"
            "vdiv.f32 s1, s1, s5\n\t"
            "vdiv.f32 s2, s2, s6\n\t"
            "vdiv.f32 s3, s3, s7"
            : "+w"(n)
            : "w"(d));
    return n;
}

INLINE float sum(vf a)
{
    return (vgetq_lane_f32(a, 0) + vgetq_lane_f32(a, 1)) +
           (vgetq_lane_f32(a, 2) + vgetq_lane_f32(a, 3));
}

INLINE vf fast_exp2(vf x)
{
    const int32x4_t i = vcvtq_s32_f32(x);
    const vf r = sub(x, vcvtq_f32_s32(i));
    const vf p = horner(horner(plus(times(r, E3), E2), r, E1), r, E0);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), vshlq_n_s32(i, 23)));
}

#else

#define LANES 1
typedef float vf;
#ifndef PLACE
#define PLACE uint8_t
#endif
typedef PLACE place;

INLINE vf load(const float *p) { return *p; }
INLINE void store(float *p, vf a) { *p = a; }
INLINE vf gather(const float *p, const place *index) { return p[*index]; }
INLINE vf all(float a) { return a; }
INLINE vf add(vf a, vf b) { return a + b; }
INLINE vf sub(vf a, vf b) { return a - b; }
INLINE vf mul(vf a, vf b) { return a * b; }
INLINE vf times(vf a, float b) { return a * b; }
INLINE vf plus(vf a, float b) { return a + b; }
INLINE vf madd(vf a, vf b, vf c) { return a + b * c; }
INLINE vf madd1(vf a, vf b, float c) { return a + b * c; }
INLINE vf horner(vf a, vf b, float c) { return a * b + c; }
INLINE vf absolute(vf a) { return __builtin_fabsf(a); }
INLINE vf positive(vf a) { return a > 0.0f ? a : 0.0f; }
INLINE vf quotient(vf a, vf b) { return a / b; }
INLINE float sum(vf a) { return a; }

/* A branch that is hardly ever taken costs less than two comparisons. */
INLINE vf clamp(vf a)
{
    return __builtin_expect(__builtin_fabsf(a) > TANH_END, 0) ? __builtin_copysignf(TANH_END, a) : a;
}

INLINE vf fast_exp2(vf x)
{
    const int32_t i = (int32_t)x;
    const float r = x - (float)i;
    union {
        float real;
        uint32_t bits;
    } p = {((E3 * r + E2) * r + E1) * r + E0};
    p.bits += (uint32_t)i << 23;
    return p.real;
}

#endif

INLINE vf fast_tanh(vf unclamped)
{
    const vf x = clamp(unclamped), y = mul(x, x);
    const vf p = mul(x, horner(plus(times(y, P2), P1), y, P0));
    return quotient(p, horner(plus(times(y, Q2), Q1), y, 1.0f));
}

#endif
