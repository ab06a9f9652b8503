/* SPDX-License-Identifier: 0BSD */
/* y[i] = f(z[i]) for any function f of one argument, within a unit of the exact result.
 *
 *   y      [n] may be z
 *   z      [n] any value; it is held in lo..hi
 *   start  [2 half] the distance from lo at which each piece begins, rising; the last is repeated
 *   left   [2 half] 0..16: a piece has 2^(16 - left) arguments
 *   value, slope, bend  [2 half] with j the place in a piece, -32768..32767 from its centre, f is
 *          value + ((slope + (bend j >> 16)) j >> 16) with 15 fractional bits more than y, and with
 *          half a unit of y added
 *   lo, hi -32768 <= lo <= hi <= 32767
 *   half   half the number of pieces, a power of two, or 0 for a single piece
 *
 * The search takes as many rounds for each argument. Every argument was tried when the table was
 * made (exporter/numbers/function_tables.py): no sum leaves int32_t, no result int16_t. Exact twin
 * of exporter/ops/any_function.py. */
#ifndef EL_ANY_FUNCTION_H
#define EL_ANY_FUNCTION_H

#include <stdint.h>

void el_any_function(int16_t *y, const int16_t *z, const uint16_t *start, const uint8_t *left,
                     const int32_t *value, const int32_t *slope, const int32_t *bend, int32_t lo,
                     int32_t hi, uint32_t half, uint32_t n);

#endif
