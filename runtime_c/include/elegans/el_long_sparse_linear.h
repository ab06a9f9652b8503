/* SPDX-License-Identifier: 0BSD */
/* y = W x + b, only the non-zero weights stored, with an accumulator of 64 bits. Arguments, ranges and
 * the proof that no sum overflows: el_sparse_linear_body.h. Exact twin of
 * exporter/ops/long_sparse_linear.py. */
#ifndef EL_LONG_SPARSE_LINEAR_H
#define EL_LONG_SPARSE_LINEAR_H

#include <stdint.h>

void el_long_sparse_linear(int16_t *y, const int16_t *x,
                           const int16_t *w, const uint8_t *gap, const uint16_t *count,
                           const int32_t *bias, const uint8_t *shift, uint32_t rows);

#endif
