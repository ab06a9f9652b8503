/* SPDX-License-Identifier: 0BSD */
/* y[i] = x[i] * 2^left / 2^right, rounded half up and saturated: x at another scale.
 *
 *   y            [n] may be x
 *   x            [n] any value
 *   left, right  0..15
 *
 * |x 2^left| + rounding < 2^31. Exact twin of exporter/ops/rescale.py. */
#ifndef EL_RESCALE_H
#define EL_RESCALE_H

#include <stdint.h>

void el_rescale(int16_t *y, const int16_t *x, uint32_t left, uint32_t right, uint32_t n);

#endif
