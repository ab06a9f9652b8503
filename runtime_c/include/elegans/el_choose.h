/* SPDX-License-Identifier: 0BSD */
/* y[i] = a[i] where c[i] is 1, b[i] where it is 0.
 *
 *   y     [n] may be a, b or c
 *   a, b  [n] at one scale
 *   c     [n] 0 or 1
 *
 * Exact twin of exporter/ops/choose.py. */
#ifndef EL_CHOOSE_H
#define EL_CHOOSE_H

#include <stdint.h>

void el_choose(int16_t *y, const int16_t *a, const int16_t *b, const int16_t *c, uint32_t n);

#endif
