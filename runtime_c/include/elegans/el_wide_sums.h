/* SPDX-License-Identifier: 0BSD */
/* y = W x + b in 32 bits, where some columns of x have 32 bits; only synapses are stored.
 *
 *   y      [2 rows] halves (el_wide.h), any scale; must not overlap x
 *   x      [cols and lower halves]: those of the first columns, from x[cols] on
 *   w      [synapses] weights of up to 30 bits, row by row: those of columns of 32 bits, those of
 *          others, and those of a run of others that are neighbours
 *   at     of each row: how many of each of the three, and their columns; of a run its first only
 *   bias   [rows] at the accumulator's scale
 *   shift  [rows] 13..30, from the accumulator's scale to that of y's upper halves
 *
 * The exporter proves that no accumulator reaches 2^43, and that y fits its halves. Exact twin of
 * exporter/ops/wide_sums.py. */
#ifndef EL_WIDE_SUMS_H
#define EL_WIDE_SUMS_H

#include <stdint.h>

void el_wide_sums(int16_t *y, const int16_t *x,
                  const int32_t *w, const uint16_t *at, const int32_t *bias,
                  const uint8_t *shift, uint32_t cols, uint32_t rows);

#endif
