/* SPDX-License-Identifier: 0BSD */
/* z[i] = a[i] u[i] + b[i], as el_gated_drive, with an a and a z of 32 bits.
 *
 *   z      [2 n] halves (el_wide.h); must not overlap a
 *   a      [2 n] halves
 *   b      [n] any scale
 *   u      [n] Q0.15
 *   align  0..30, left shift from b's scale to that of z's 32-bit integers, (upper half of a) * u
 *
 * The exporter chooses the scales so that z has an upper half. Exact twin of
 * exporter/ops/wide_gated_drive.py. */
#ifndef EL_WIDE_GATED_DRIVE_H
#define EL_WIDE_GATED_DRIVE_H

#include <stdint.h>

#include "elegans/el_wide.h"

EL_INLINE void el_wide_gated_drive(int16_t *z, const int16_t *a, const int16_t *b,
                                   const int16_t *u, uint32_t align, uint32_t n)
{
    /* Multiplied by, because C leaves the left shift of a negative number undefined. */
    const int32_t unit = (int32_t)(1U << align);

    for (uint32_t i = 0; i < n; i++) {
        const int32_t product = el_upper_product(el_whole(a, i, n), u[i]);

        el_halves(z, i, n, product + (b[i] * unit));
    }
}

#endif
