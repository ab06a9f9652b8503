/* SPDX-License-Identifier: 0BSD */
/* z[i] = b[i] + a[i] dt, saturated, with an elapsed time of any length: the time gate of a CfC.
 *
 *   z      [n] any scale; may be a or b
 *   a      [n] any scale
 *   b      [n] a scale coarser than z's by align bits
 *   t      [2] elapsed time, as el_elapsed gives it
 *   align  0..15
 *   shift  0..30, right shift from the scale of a t[0] at the longest time to z's; t[1] is added to
 *          it, and the sum is at most 30
 *
 * |a t[0]| <= 2^30 - 2^15 and |b| 2^align <= 2^30; what rounds is no more than what the shift takes
 * away. Exact twin of exporter/ops/elapsed_gate.py. */
#ifndef EL_ELAPSED_GATE_H
#define EL_ELAPSED_GATE_H

#include <stdint.h>

void el_elapsed_gate(int16_t *z, const int16_t *a, const int16_t *b, const int16_t *t,
                     uint32_t align, uint32_t shift, uint32_t n);

#endif
