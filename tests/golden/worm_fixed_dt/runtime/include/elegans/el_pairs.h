/* SPDX-License-Identifier: 0BSD */
/* The inner loop of the portable layers: sums of products over pairs of inputs, `rows` sums side
 * by side.
 *
 *   acc    [rows] the biases on entry, the sums on return
 *   x      [2 pairs]
 *   w      [pairs][rows] as EL_PAIR of cores/portable lays weights out: two int16_t in one word
 *
 * Returns the address behind the last word read. The exporter proves that no partial sum leaves
 * int32_t, in any order. */
#ifndef EL_PAIRS_H
#define EL_PAIRS_H

#include <stdint.h>

#include "elegans/el_core.h"
#include EL_CORE_HEADER

#ifndef EL_NATIVE_PAIRS
static inline const int32_t *el_pairs(int32_t *acc, const int16_t *x, const int32_t *w,
                                      uint32_t pairs, uint32_t rows)
{
    for (uint32_t p = 0; p < pairs; p++) {
        for (uint32_t r = 0; r < rows; r++) {
            acc[r] += ((int16_t)(*w & 0xFFFF) * x[0]) + ((*w >> 16) * x[1]);
            w++;
        }
        x += 2;
    }
    return w;
}
#endif

#endif
