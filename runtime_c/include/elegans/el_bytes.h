/* SPDX-License-Identifier: 0BSD */
/* Tables of int8 weights, and their sums of products in C.
 *
 * The weights of a block, four rows or three, for up to four pairs of inputs are one macro,
 * EL_BYTES4_n or EL_BYTES3_n: row by row, 2 n weights each. A core lays them out as its kernels
 * read them, always in the same number of words. EL_POWERS is a word of four powers of two, one
 * a row. */
#ifndef EL_BYTES_H
#define EL_BYTES_H

#include <stdint.h>

#include "elegans/el_core.h"

/* Four bytes as one word, the first in the lowest one; each is -128..255. */
#define EL_WORD(a, b, c, d)                                                               \
    ((((d) - (((d) & 128) * 2 * ((d) > 0))) * 16777216) + (((c) & 0xFF) * 65536)          \
     + (((b) & 0xFF) * 256) + ((a) & 0xFF))

#define EL_POWERS(a, b, c, d) EL_WORD(a, b, c, d)

#if (EL_CORE != EL_PORTABLE) && defined(__ARM_FEATURE_MVE)
#include "elegans/cores/armv81m_mve/bytes.h"
#else
#include "elegans/cores/portable/bytes.h"
#endif

/* Byte n of a word, as a signed number. */
static inline int32_t el_byte(int32_t word, uint32_t n)
{
    return (((word >> (8U * n)) & 0xFF) ^ 128) - 128;
}

/* a + w[0] x[0] + w[2] x[1], or w[1] and w[3] if odd is 1. */
static inline int32_t el_byte_pair(int32_t a, int32_t w, const int16_t *x, uint32_t odd)
{
    return a + (el_byte(w, odd) * x[0]) + (el_byte(w, odd + 2U) * x[1]);
}

/* acc[r] += the products of row r.
 *
 *   acc    [rows]
 *   x      [2 pairs]
 *   w      as cores/portable lays weights out
 *   rows   4 or 3
 *
 * Returns the address behind the last word read. The exporter proves that no partial sum leaves
 * int32_t, in any order. */
static inline const int32_t *el_byte_sums(int32_t *acc, const int16_t *x, const int32_t *w,
                                          uint32_t pairs, uint32_t rows)
{
    for (uint32_t p = 0; p < pairs; p++) {
        /* Of three rows, the last has a word for two pairs, behind those of the first two. */
        const uint32_t odd = (rows == 3U) ? (p & 1U) : 0U;
        const uint32_t last = ((rows == 3U) && (odd == 0U) && ((p + 1U) < pairs)) ? 2U : 1U;

        acc[0] = el_byte_pair(acc[0], w[0], x, 0);
        acc[1] = el_byte_pair(acc[1], w[0], x, 1);
        acc[2] = el_byte_pair(acc[2], w[last], x, odd);
        if (rows == 4U) {
            acc[3] = el_byte_pair(acc[3], w[1], x, 1);
        }
        w += (last == 2U) ? 1 : 2;
        x += 2;
    }
    return w;
}

/* The sums of a block of rows, biases included.
 *
 *   first  pairs of inputs whose weights have a power of two for each row, or 0
 *   skip   elements from behind these inputs to the others
 *   pairs  of the others
 *
 * In the table, the weights of the first inputs come first, then the powers of two and the
 * biases; biases alone if first is 0. Then the other weights. */
static inline const int32_t *el_byte_rows(int32_t *acc, const int16_t *x, const int32_t *w,
                                          uint32_t first, int32_t skip, uint32_t pairs,
                                          uint32_t rows)
{
    int32_t powers = 0;

    for (uint32_t r = 0; r < rows; r++) {
        acc[r] = 0;
    }
    if (first > 0U) {
        w = el_byte_sums(acc, x, w, first, rows);
        powers = *w++;
        x += (int32_t)(2U * first) + skip;
    }
    for (uint32_t r = 0; r < rows; r++) {
        acc[r] = (acc[r] * ((powers >> (8U * r)) & 0xFF)) + *w++;
    }
    return el_byte_sums(acc, x, w, pairs, rows);
}

#endif
