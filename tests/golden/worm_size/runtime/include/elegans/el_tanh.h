/* SPDX-License-Identifier: 0BSD */
/* y = tanh(z), from the odd table of 64 parabolas in el_pieces.h.
 *
 *   y  [n] Q0.15 in [-32766, 32766]; may be z
 *   z  [n] 8/5 of the argument in Q3.12, any value
 *
 * Odd, monotone, and within 2 units of tanh correctly rounded, over all 65,536 inputs. The
 * table has both signs, so there is no branch and no sign to restore. Exact twin of
 * exporter/ops/tanh.py. */
#ifndef EL_TANH_H
#define EL_TANH_H

#include <stdint.h>

#include "elegans/el_lanes.h"
#include "elegans/el_pieces.h"

/* z plus half a segment, saturated: bits 10 to 15 are then the segment nearest to z. */
static inline int16_t el_half_segment_on(int32_t z)
{
    return el_sat16(z + 512);
}

/* tanh in Q0.31 plus 2^15, so that >> 16 is tanh in Q0.15, for u = el_half_segment_on(z). The
 * sums fit int32_t for each of the 65,536 arguments. */
#ifndef EL_NATIVE_FINE_TANH
static inline int32_t el_fine_tanh(int16_t u)
{
    const el_piece *p = &el_tanh_pieces[(u >> 10) + 32];
    const int32_t j = ((u & 1023) - 512) * 64;
    const int32_t slope = p->slope + ((int16_t)(p->slope & 0xFFFF) * j);

    return p->value + ((slope >> 16) * j) + (((slope & 0xFFFF) * j) >> 16);
}
#endif

/* The same in each lane. */
#ifndef EL_NATIVE_LANES
static inline el_lane el_fine_tanh1(el_lane u)
{
    return el_fine_tanh((int16_t)u);
}
#endif

/* Of one element, for u = el_half_segment_on(z) and for z. */
#ifndef EL_NATIVE_TANH1
static inline el_lane el_tanh_on1(el_lane u)
{
    return el_fine_tanh1(u) >> 16;
}
#endif

static inline el_lane el_tanh1(el_lane z)
{
    return el_tanh_on1(el_sat1(el_plus1(z, 512)));
}

/* A core may have el_tanh_run(y, z), of EL_ACTIVATION_RUN elements (EL_NATIVE_ACTIVATIONS). */
void el_tanh(int16_t *y, const int16_t *z, uint32_t n);

#endif
