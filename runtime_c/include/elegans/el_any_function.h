/* SPDX-License-Identifier: 0BSD */
/* y[i] = f(z[i]) for any function f of one argument, within a unit of the exact result.
 *
 *   y       [n] may be z
 *   z       [n] any value; it is held in lo..hi, and at = z - lo is its distance from there
 *   first   [((hi - lo) >> shift) + 1] the first piece to which distances of this part may belong
 *   pieces  [4 m] of each piece, in the order of where they begin: value, slope, bend, and
 *           32 start + left. It begins at the distance start, 0..65535, and has 2^(16 - left)
 *           arguments, left in 0..16. With j the place in it, -32768..32767 from its centre, f is
 *           value + ((slope + (bend j >> 16)) j >> 16) with 15 fractional bits more than y, and
 *           with half a unit of y added
 *   lo, hi  -32768 <= lo <= hi <= 32767
 *   shift   0..16
 *   half    a power of two, or 0: the piece of at is one of the 2 half, or the only one, from
 *           first[at >> shift] on, and all of these are within pieces
 *
 * The search takes as many rounds for each argument. Every argument was tried when the table was
 * made (exporter/numbers/function_tables.py): no sum leaves int32_t, no result int16_t. Exact twin
 * of exporter/ops/any_function.py. */
#ifndef EL_ANY_FUNCTION_H
#define EL_ANY_FUNCTION_H

#include <stdint.h>

void el_any_function(int16_t *y, const int16_t *z, const uint8_t *first, const int32_t *pieces,
                     int32_t lo, int32_t hi, uint32_t shift, uint32_t half, uint32_t n);

#endif
