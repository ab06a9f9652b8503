/* SPDX-License-Identifier: 0BSD */
/* y = W x + b, only the non-zero weights stored, with int8 weights. Arguments, ranges and
 * the proof that no sum overflows: el_sparse_linear_body.h. Exact twin of
 * exporter/ops/sparse_linear8.py. */
#ifndef EL_SPARSE_LINEAR8_H
#define EL_SPARSE_LINEAR8_H

#include <stdint.h>

void el_sparse_linear8(int16_t *y, const int16_t *x,
                       const int8_t *w, const uint8_t *gap, const uint16_t *count,
                       const int32_t *bias, const uint8_t *shift, uint32_t rows);

#endif
