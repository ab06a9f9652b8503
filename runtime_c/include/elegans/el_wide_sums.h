/* SPDX-License-Identifier: 0BSD */
/* y = W x + b in 32 bits, where some columns of x have 32 bits; only synapses are stored.
 *
 *   y      [2 rows] halves (el_wide.h), any scale; must not overlap x
 *   x      [cols and lower halves]: those of the first columns, from x[cols] on
 *   w, at  [synapses] a weight and its column, row by row
 *   n      [rows][4] synapses of each row: from columns of 32 bits and from others, and the same
 *          of weights that count 2^15 times as much
 *   bias   [rows] at the accumulator's scale
 *   shift  [rows] 13..30, from the accumulator's scale to that of y's upper halves
 *
 * The exporter proves that no accumulator reaches 2^43, and that y fits its halves. Exact twin of
 * exporter/ops/wide_sums.py. */
#ifndef EL_WIDE_SUMS_H
#define EL_WIDE_SUMS_H

#include <stdint.h>

void el_wide_sums(int16_t *y, const int16_t *x,
                  const int16_t *w, const uint16_t *at, const uint16_t *n, const int32_t *bias,
                  const uint8_t *shift, uint32_t cols, uint32_t rows);

#endif
