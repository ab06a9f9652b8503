/* SPDX-License-Identifier: 0BSD */
/* y[i] = x[i] - the greatest of x, saturated: never above zero.
 *
 *   y  [n] the scale of x; may be x
 *   x  [n] at one scale
 *
 * Exact twin of exporter/ops/below_greatest.py. */
#ifndef EL_BELOW_GREATEST_H
#define EL_BELOW_GREATEST_H

#include <stdint.h>

void el_below_greatest(int16_t *y, const int16_t *x, uint32_t n);

#endif
