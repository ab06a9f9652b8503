/* SPDX-License-Identifier: 0BSD */
/* y = W x + b in 32 bits, only the non-zero weights stored, with an accumulator of 64 bits.
 *
 *   y      [2 rows] halves (el_wide.h), any scale; must not overlap x
 *   shift  [rows] 13..30, from the accumulator's scale to that of y's upper halves
 *
 * All else is as el_sparse_linear_body.h says. Exact twin of exporter/ops/wide_sparse_linear.py. */
#ifndef EL_WIDE_SPARSE_LINEAR_H
#define EL_WIDE_SPARSE_LINEAR_H

#include <stdint.h>

void el_wide_sparse_linear(int16_t *y, const int16_t *x,
                           const int16_t *w, const uint8_t *gap, const uint16_t *count,
                           const int32_t *bias, const uint8_t *shift, uint32_t rows);

#endif
