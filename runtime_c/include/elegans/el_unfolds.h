/* SPDX-License-Identifier: 0BSD */
/* What all unfolds of LTC's fused solver are computed with; the function itself is in
 * "elegans/el_unfolds_body.h".
 *
 * A neuron's current and conductance are sums over its synapses, each with the sigmoid of one
 * potential. Here a neuron's synapses follow each other in one table of words, so a sigmoid goes
 * from a register into both sums and is never stored. */
#ifndef EL_UNFOLDS_H
#define EL_UNFOLDS_H

#include <stdint.h>

#include "elegans/el_divide.h"
#include "elegans/el_synapse.h"
#include "elegans/el_wide.h"

#if (EL_CORE == EL_PORTABLE) || !EL_ARM_M
/* Everything below in C. */
#elif defined(__ARM_FEATURE_MVE) && ((__ARM_FEATURE_MVE & 1) != 0)
#include "elegans/cores/armv81m_mve/synapses.h"
#elif defined(__ARM_FEATURE_DSP)
#include "elegans/cores/armv7em/synapses.h"
#elif __ARM_ARCH_ISA_THUMB == 2
#include "elegans/cores/armv7m/synapses.h"
#else
#include "elegans/cores/armv6m/synapses.h"
#endif

/* The words of a neuron that a core may load together: the shifts from its sums to I and G, 0..30;
 * the hull lo..hi of its reversal potentials, in the format of the upper halves; where its
 * potential lies, in bytes; 2^(one + 1) + 1, where one are the fractional bits of 1 + r G. */
#define EL_NEURON(current, conductance, lo, hi, at, one) \
    (current), (conductance), (lo), (hi) - (lo), (hi), 4 * (at), (one)
#define EL_NEURON_WORDS 7

/* What is constant of a neuron in one step.
 *
 *   current, conductance  the sums without the synapses from potentials; of a neuron that has none
 *                         of these, D and G 2^up: its drive is D - G 2^up u, u its upper half
 *   upper                 the mantissa of r = dt / C, in the upper half
 *   right                 how far the drive is shifted right; 0 unless left is
 *   scale                 s - 1 of el_step_ratio.h; of a neuron without synapses from potentials
 *                         1 + r G
 *   left                  how far the quotient is shifted left
 *
 * A core may have this structure, and what makes and reads it, for itself (EL_NATIVE_UNFOLD). */
#ifndef EL_NATIVE_UNFOLD
typedef struct {
    int32_t current;
    int32_t conductance;
    int32_t upper;
    int32_t right;
    int32_t scale;
    int32_t left;
} el_unfold;
#endif

/* A table has the synapses of a neuron two by two, the last of an odd number by itself:
 * EL_SYNAPSES2(bias, weight, at, current, conductance, ...) and EL_SYNAPSES1. EL_ROUNDS(n) is what
 * the loop counts for n of them.
 *
 *   bias, weight          of the sigmoid's argument, the bias with what rounds and half a segment
 *   at                    what it reads: EL_INPUT(i) or EL_POTENTIAL(i)
 *   current, conductance  the weights of the sigmoid in the two sums
 *
 * EL_SUMS(name, shift) defines
 *     const int32_t *name(int32_t *i, int32_t *g, const void *v, const int32_t *w, int32_t rounds)
 * which adds synapses to the sums i and g, and gives the end of what it read; the sums fit when all
 * are added. v has potentials, rounded to their upper halves by a shift. A core may have these for
 * itself (EL_NATIVE_SUMS), with inputs as int16_t; in portable C they are in upper halves, too. */
#ifndef EL_NATIVE_SUMS
#define EL_SYNAPSES1(bias, weight, at, current, conductance) \
    (bias), (weight), (at), (current), (conductance)
#define EL_SYNAPSES2(b0, w0, a0, i0, g0, b1, w1, a1, i1, g1) \
    EL_SYNAPSES1(b0, w0, a0, i0, g0), EL_SYNAPSES1(b1, w1, a1, i1, g1)
#define EL_INPUT(i) (i)
#define EL_POTENTIAL(i) (i)
#define EL_ROUNDS(n) (n)
#define EL_SUMS(name, argument_shift)                                                          \
    static inline const int32_t *name(int32_t *i, int32_t *g, const void *potentials,          \
                                      const int32_t *w, int32_t rounds)                        \
    {                                                                                          \
        const int32_t *v = potentials;                                                         \
        uint32_t current = (uint32_t)*i;                                                       \
        uint32_t conductance = (uint32_t)*g;                                                   \
                                                                                               \
        for (; rounds > 0; rounds--, w += 5) {                                                 \
            const int32_t z = (w[0] + (w[1] * (v[w[2]] >> 16))) >> (argument_shift);           \
            const int32_t open = el_synapse(z);                                                \
                                                                                               \
            current += (uint32_t)(w[3] * open);                                                \
            conductance += (uint32_t)(w[4] * open);                                            \
        }                                                                                      \
        *i = (int32_t)current;                                                                 \
        *g = (int32_t)conductance;                                                             \
        return w;                                                                              \
    }
#endif

/* What is computed of all neurons; a core may have it for itself (EL_NATIVE_UNFOLDS).
 *
 *   EL_SYNAPSES(name, shift) defines
 *       const int32_t *name(el_unfold *u, const void *x, const int32_t *w, int32_t n)
 *   which sets the sums of n neurons. w has of each the biases of both sums, the rounds over its
 *   synapses, 0 if it has none, and the synapses; its end is given back. EL_MORE_SYNAPSES defines
 *   the same without the biases, for sums that are there already.
 *
 *   EL_DRIVEN(name, shift, left, up, held_current, held_conductance, bits) defines
 *       void name(int32_t *y, const int32_t *v, const el_unfold *u, const int32_t *w,
 *                 int32_t first, int32_t n)
 *   one unfold of the neurons first..n - 1. u and w begin with neuron `first`; w has rounds,
 *   synapses, and EL_NEURON of each. `left` and what is held are as in "elegans/el_unfolds_body.h";
 *   quotients are below 2^bits.
 *
 *   el_unfold_still(y, v, u, n, bits): one unfold of n neurons without such synapses. */
#ifndef EL_NATIVE_UNFOLDS
#define EL_SYNAPSES(name, argument_shift)                                                      \
    EL_SUMS(name##_sums, argument_shift)                                                       \
    static inline const int32_t *name(el_unfold *u, const void *v, const int32_t *w,           \
                                      int32_t n)                                               \
    {                                                                                          \
        for (int32_t k = 0; k < n; k++, u++) {                                                 \
            u->current = w[0];                                                                 \
            u->conductance = w[1];                                                             \
            w = name##_sums(&u->current, &u->conductance, v, w + 3, w[2]);                     \
        }                                                                                      \
        return w;                                                                              \
    }

#define EL_MORE_SYNAPSES(name, argument_shift)                                                 \
    EL_SUMS(name##_sums, argument_shift)                                                       \
    static inline const int32_t *name(el_unfold *u, const void *v, const int32_t *w,           \
                                      int32_t n)                                               \
    {                                                                                          \
        for (int32_t k = 0; k < n; k++, u++) {                                                 \
            w = name##_sums(&u->current, &u->conductance, v, w + 1, w[0]);                     \
        }                                                                                      \
        return w;                                                                              \
    }

#define EL_DRIVEN(name, argument_shift, left, up, held_current, held_conductance, bits)        \
    EL_SUMS(name##_sums, argument_shift)                                                       \
    static inline void name(int32_t *y, const int32_t *v, const el_unfold *u,                  \
                            const int32_t *w, int32_t first, int32_t n)                        \
    {                                                                                          \
        for (int32_t k = first; k < n; k++, u++, w += EL_NEURON_WORDS) {                       \
            int32_t i = u->current;                                                            \
            int32_t g = u->conductance;                                                        \
            int32_t drive, divisor;                                                            \
                                                                                               \
            w = name##_sums(&i, &g, v, w + 1, w[0]);                                           \
            i = EL_FITTED(EL_DOWN(i, w, left), held_current) * EL_UP_BY(w, left);              \
            g = EL_FITTED(g >> w[1], held_conductance);                                        \
            drive = (el_held_current(i, g, w) + ((w[4] - (v[k] >> 16)) * g)) * (1 << (up));    \
            divisor = el_unfold_share(g, u, w);                                                \
            y[k] = el_unfolded(v[k], drive, divisor, u, bits);                                 \
        }                                                                                      \
    }
#endif

/* The sum of currents of the neuron with the words w, shifted right; and what it is then multiplied
 * by. */
#define EL_DOWN(sum, w, left) ((sum) >> (((left) < 0) ? ((w)[0] & 255) : (w)[0]))
#define EL_UP_BY(w, left) (1 << (((left) < 0) ? ((w)[0] >> 8) : (left)))

/* A sum, held in int16 unless that is proved of it. */
#define EL_FITTED(sum, held) ((held) ? (int32_t)el_sat16(sum) : (sum))

/* I, held between lo G and hi G, less hi G, for the neuron with the words w; I has the scale of
 * lo G. */
static inline int32_t el_held_current(int32_t current, int32_t conductance, const int32_t *w)
{
    const int32_t above = current - (w[2] * conductance);
    const int32_t below = (above & ~el_mask(above)) - (w[3] * conductance);

    return below & el_mask(below);
}

#ifndef EL_NATIVE_UNFOLD
/* 1 + r G, at least 1. */
static inline int32_t el_unfold_share(int32_t conductance, const el_unfold *u, const int32_t *w)
{
    return ((((u->upper >> 16) * conductance) >> u->scale) + w[6]) >> 1;
}

/* floor(a / b), for b >= 1 and a quotient below 2^bits, bits in 1..31. A core that divides bit by
 * bit leaves the others out. */
#ifndef EL_NATIVE_UDIV_SHORT
static inline uint32_t el_udiv_short(uint32_t a, uint32_t b, uint32_t bits)
{
    (void)bits;
    return el_udiv(a, b);
}
#endif

/* The next potential: v + (drive r / divisor), modulo 2^32; see exporter/ops/fused_step.py. The
 * quotient is rounded, and a negative dividend complemented, as el_rdiv does. */
static inline int32_t el_unfolded(int32_t v, int32_t drive, int32_t divisor, const el_unfold *u,
                                  uint32_t bits)
{
    const int32_t product = el_upper_product(drive >> u->right, (int16_t)(u->upper >> 16));
    const int32_t sum = product + (divisor >> 1);
    const uint32_t sign = (uint32_t)el_mask(sum);
    const uint32_t quotient = el_udiv_short((uint32_t)sum ^ sign, (uint32_t)divisor, bits) ^ sign;

    return (int32_t)((uint32_t)v + (quotient << u->left));
}

#ifdef EL_NATIVE_UNFOLDS
EL_UNFOLD_STILL
#else
static inline void el_unfold_still(int32_t *y, const int32_t *v, const el_unfold *u, int32_t n,
                                   uint32_t bits)
{
    for (int32_t i = 0; i < n; i++, u++) {
        y[i] = el_unfolded(v[i], u->current - (u->conductance * (v[i] >> 16)), u->scale, u, bits);
    }
}
#endif

/* What unfolds begin and end with. el_unfold_begin takes potentials from v, and ratios from r, for
 * the n neurons at `place`; el_unfold_end gives potentials to y. EL_UNFOLD_CONSTANTS makes of the
 * sums of n neurons what el_unfold says of those that no potential reaches; w has their EL_NEURON. */
static inline void el_unfold_begin(int32_t *potentials, el_unfold *u, const int16_t *v,
                                   const int16_t *r, const uint16_t *place, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++, u++) {
        const int16_t *own = &r[place[i]];
        const int32_t net = own[2U * n];

        potentials[i] = el_whole(v, place[i], n) + 32768;
        u->upper = (int32_t)((uint32_t)(int32_t)own[0] << 16);
        u->scale = own[n];
        u->left = net & ~el_mask(net);
        u->right = u->left - net;
    }
}

static inline void el_unfold_end(int16_t *y, const int32_t *potentials, const uint16_t *place,
                                 uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        el_halves(y, place[i], n, potentials[i] - 32768);
    }
}

#define EL_UNFOLD_CONSTANTS(u, w, n, left, up, held_current, held_conductance) \
    el_unfold_constants(u, w, n, left, up, held_current, held_conductance)
static inline void el_unfold_constants(el_unfold *u, const int32_t *w, int32_t n, int32_t left,
                                       int32_t up, int32_t held_current, int32_t held_conductance)
{
    for (int32_t i = 0; i < n; i++, u++, w += EL_NEURON_WORDS) {
        const int32_t g = EL_FITTED(u->conductance >> w[1], held_conductance);
        const int32_t current = EL_FITTED(EL_DOWN(u->current, w, left), held_current) *
                                EL_UP_BY(w, left);

        u->current = (el_held_current(current, g, w) + (w[4] * g)) * (1 << up);
        u->conductance = g * (1 << up);
        u->scale = el_unfold_share(g, u, w);
    }
}
#endif

#endif
