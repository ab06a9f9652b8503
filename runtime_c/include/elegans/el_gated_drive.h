/* SPDX-License-Identifier: 0BSD */
/* z[i] = a[i] * u[i] + b[i], saturated: a gate inside a drive, as the reset gate of a GRU.
 *
 *   z      [n] may be any of a, b and u
 *   a, b   [n] any scales
 *   u      [n] Q0.15
 *   align  0..30, left shift from b's scale to that of a * u
 *   shift  0..30, right shift from the scale of a * u to z's
 *
 * The exporter chooses the scales so that |a u| + |b| 2^align + rounding < 2^31. Exact
 * twin of exporter/ops/gated_drive.py. */
#ifndef EL_GATED_DRIVE_H
#define EL_GATED_DRIVE_H

#include <stdint.h>

#include "elegans/el_lanes.h"

/* Of one element, and, with `near`, of one that is proved to need no saturation. Multiplied by 2^align, because C leaves the left shift of a negative number
 * undefined. */
static inline el_lane el_gated_drive_near1(el_lane a, el_lane b, el_lane u, uint32_t align,
                                           uint32_t shift)
{
    return el_rshr_all(a * u + b * (int32_t)(1U << align), shift);
}

static inline el_lane el_gated_drive1(el_lane a, el_lane b, el_lane u, uint32_t align,
                                      uint32_t shift)
{
    return el_sat1(el_gated_drive_near1(a, b, u, align, shift));
}

void el_gated_drive(int16_t *z, const int16_t *a, const int16_t *b, const int16_t *u,
                    uint32_t align, uint32_t shift, uint32_t n);

#endif
