/* SPDX-License-Identifier: 0BSD */
/* y[i] = the greater of a[i] and b[i], or the lesser.
 *
 *   y     [n] may be a or b
 *   a, b  [n] at one scale
 *   sign  1 for the greater, -1 for the lesser
 *
 * Exact twin of exporter/ops/extremum.py. */
#ifndef EL_EXTREMUM_H
#define EL_EXTREMUM_H

#include <stdint.h>

void el_extremum(int16_t *y, const int16_t *a, const int16_t *b, int32_t sign, uint32_t n);

#endif
