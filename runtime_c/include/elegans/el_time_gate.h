/* SPDX-License-Identifier: 0BSD */
/* z = a * dt + b, saturated: how elapsed time enters a CfC, before the sigmoid.
 *
 *   z      [n] may be a or b
 *   a, b   [n] any scales
 *   dt     [1] elapsed time
 *   align  0..15, left shift from b's scale to that of a * dt
 *   shift  0..30, right shift from the scale of a * dt to z's
 *
 * The exporter chooses the scales so that |a dt| + |b| 2^align + rounding < 2^31. Exact
 * twin of exporter/ops/time_gate.py. */
#ifndef EL_TIME_GATE_H
#define EL_TIME_GATE_H

#include <stdint.h>

void el_time_gate(int16_t *z, const int16_t *a, const int16_t *b, const int16_t *dt,
                  uint32_t align, uint32_t shift, uint32_t n);

#endif
