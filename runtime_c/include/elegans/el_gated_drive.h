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

void el_gated_drive(int16_t *z, const int16_t *a, const int16_t *b, const int16_t *u,
                    uint32_t align, uint32_t shift, uint32_t n);

#endif
