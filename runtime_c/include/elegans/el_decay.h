/* SPDX-License-Identifier: 0BSD */
/* e[i] = 2^-(a[i] * dt): the part of a state that is left after an elapsed time.
 *
 *   e      [n] Q0.15 in [0, 32767]; may be a
 *   a      [n] at least 0: a rate, in halvings for each unit of time
 *   dt     [1] at least 0
 *   shift  0..30, from the scale of a * dt to 2^-15 halvings
 *
 * e never increases with a or dt, and is within 2 units of the real function. The sum that
 * rounds a * dt is at most 2^30 + 2^29. Exact twin of exporter/ops/decay.py. */
#ifndef EL_DECAY_H
#define EL_DECAY_H

#include <stdint.h>

#include "elegans/el_fixed.h"

/* Segment k of 2^-x for x in 0..1, k / 128 halvings from its begin: with l the value there in
 * Q0.15 and s what it falls by up to the next segment, 89..177, (256 l + 128) 256 + s. The 128
 * rounds. Defined in el_decay.c. */
extern const uint32_t el_halvings[128];

/* a 2^-n, rounded half up, for a in 0..32767 and n in 0..31. */
static inline int32_t el_halved(int32_t a, int32_t n)
{
#ifdef EL_NATIVE_ROUNDED
    return el_rounded_by(a, n);
#else
    return (int32_t)((((uint32_t)a * (65536U >> n)) + 32768U) >> 16);
#endif
}

/* el_upto20 of an x that is not negative. */
static inline int32_t el_upto20_of(int32_t x)
{
#ifdef EL_NATIVE_MOST
    return el_most(x, 20U);
#else
    return el_upto20(x);
#endif
}

/* 2^-x in Q0.15, for x at least 0 in 2^-15 halvings. Within a segment, x has eight bits: their
 * product with s is taken from the upper 24 bits of the segment, and cannot reach below 0. What
 * begins a halving, 32768, is held to 32767, which alters nothing after a shift. Of 16 halvings or
 * more nothing is left, and of more than 31 none are counted. */
static inline int32_t el_decay1(int32_t x)
{
    const uint32_t at = (uint32_t)el_upto20_of(x);
    const uint32_t segment = el_halvings[(at << 17) >> 25];
    const uint32_t part = (segment - ((segment & 255U) * ((at << 24) >> 16))) >> 16;

    return el_halved((int32_t)(part - (part >> 15)), (int32_t)(at >> 15));
}

void el_decay(int16_t *e, const int16_t *a, const int16_t *dt, uint32_t shift, uint32_t n);

#endif
