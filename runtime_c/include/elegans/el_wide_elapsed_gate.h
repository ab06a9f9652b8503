/* SPDX-License-Identifier: 0BSD */
/* z[i] = b[i] + a[i] dt, saturated, as el_elapsed_gate, with a rate of 32 bits.
 *
 *   z      [n] any scale; must not overlap a
 *   a      [2 n] halves (el_wide.h)
 *   b      [n] a scale coarser than z's by align bits
 *   t      [2] elapsed time, as el_elapsed gives it
 *   align  0..15
 *   shift  0..30, right shift from the scale of (upper half of a) t[0] at the longest time to z's;
 *          t[1] is added to it, and the sum is at most 30
 *
 * |a t[0]| / 2^16 <= 2^30 and |b| 2^align <= 2^30. Exact twin of exporter/ops/wide_elapsed_gate.py. */
#ifndef EL_WIDE_ELAPSED_GATE_H
#define EL_WIDE_ELAPSED_GATE_H

#include <stdint.h>

#include "elegans/el_wide.h"

EL_INLINE void el_wide_elapsed_gate(int16_t *z, const int16_t *a, const int16_t *b,
                                    const int16_t *t, uint32_t align, uint32_t shift, uint32_t n)
{
    const int32_t unit = (int32_t)(1U << align);
    const uint32_t by = (uint32_t)el_min((int32_t)shift + t[1], 30);

    for (uint32_t i = 0; i < n; i++) {
        const int32_t product = el_upper_product(el_whole(a, i, n), t[0]);

        z[i] = el_sat16((b[i] * unit) + el_rshr(product, by));
    }
}

#endif
