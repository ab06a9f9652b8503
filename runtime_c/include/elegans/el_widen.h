/* SPDX-License-Identifier: 0BSD */
/* y = x as the upper halves of 32-bit integers (el_wide.h); -32768 becomes -32767.
 *
 *   y  [2 n]; must not overlap x
 *   x  [n]
 *
 * Exact twin of exporter/ops/widen.py. */
#ifndef EL_WIDEN_H
#define EL_WIDEN_H

#include <stdint.h>

void el_widen(int16_t *y, const int16_t *x, uint32_t n);

#endif
