/* SPDX-License-Identifier: 0BSD */
/* y = W x + b for a convolution, with an accumulator of 64 bits. Arguments, ranges and the proof that no
 * sum overflows: el_sliding_linear_body.h. Exact twin of exporter/ops/long_sliding_linear.py. */
#ifndef EL_LONG_SLIDING_LINEAR_H
#define EL_LONG_SLIDING_LINEAR_H

#include <stdint.h>

void el_long_sliding_linear(int16_t *y, const int16_t *x,
                            const int16_t *w, const uint8_t *gap, const uint16_t *filter,
                            const int32_t *bias, const uint8_t *shift, uint32_t filters);

#endif
