/* SPDX-License-Identifier: 0BSD */
/* y[i] = max(x[i], 0).
 *
 *   y  [n] the scale of x; may be x
 *   x  [n] any value
 *
 * Exact twin of exporter/ops/relu.py. */
#ifndef EL_RELU_H
#define EL_RELU_H

#include <stdint.h>

void el_relu(int16_t *y, const int16_t *x, uint32_t n);

#endif
