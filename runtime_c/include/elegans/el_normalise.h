/* SPDX-License-Identifier: 0BSD */
/* y = (x - mean) / sqrt(variance + epsilon), or without the mean.
 *
 *   y        [n] may be x
 *   x        [n] at one scale
 *   epsilon  [32] at most 2^28: what is added to the mean square, by the zeros that are shifted out
 *   centre   1 to subtract the mean, 0 not to
 *   most     1..30: the most leading zeros that are shifted out
 *   halvings 2^halvings >= 2 n: the shift of a square
 *   gain     2^14..2^15 - 1, and shift 0..30: sqrt(n / 2^halvings) at the scale of y
 *   n        1..1024
 *
 * |n x - sum| <= 2^26, so it can be shifted up; a square is at most 2^30; the root is found bit by
 * bit in 15 rounds. Exact twin of exporter/ops/normalise.py, which says why the rest fits. */
#ifndef EL_NORMALISE_H
#define EL_NORMALISE_H

#include <stdint.h>

void el_normalise(int16_t *y, const int16_t *x, const int32_t *epsilon, int32_t centre,
                  int32_t most, uint32_t halvings, int32_t gain, int32_t shift, uint32_t n);

#endif
