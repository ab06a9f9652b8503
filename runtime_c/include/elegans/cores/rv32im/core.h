/* SPDX-License-Identifier: 0BSD */
/* RV32 with the M extension (RV32IMC, RV32IMAC): 32-bit products one at a time, and the upper
 * half of a 64-bit product, in 32 registers; no conditional instructions but branches.
 *
 * el_core.h chooses this file. Each EL_NATIVE_x says that the function x is defined here
 * instead of in portable C; the contracts stand where the portable version does. */
#ifndef EL_CORE_RV32IM_H
#define EL_CORE_RV32IM_H

#include <stdint.h>

#include "elegans/cores/rv32im/branchless.h"
#include "elegans/el_pieces.h"

/* The weights of two neighbouring inputs: two int16_t in one word, the even one in the lower
 * half. LH loads each of them as fast as LW would a word. */
#define EL_PAIR(even, odd) (((odd) * 65536) + ((even) & 0xFFFF))

/* The last words of a table of weights: a zero that nothing reads. */
#define EL_TAIL 0

/* How many words these are, and the number of this layout of tables in el_block.h. */
#define EL_PAIR_WORDS 1U
#define EL_TAIL_WORDS 1U
#define EL_SYNAPSES1_WORDS 5U
#define EL_SYNAPSES2_WORDS 10U
#define EL_TABLES 1U

/* el_wide.h. MULH with b in the upper half. */
#define EL_NATIVE_UPPER_PRODUCT
static inline int32_t el_upper_product(int32_t a, int16_t b)
{
    return (int32_t)(((int64_t)a * ((int32_t)b * 65536)) >> 32);
}

/* el_long.h. MUL and MULH. */
#define EL_NATIVE_FINE_PRODUCT
static inline int64_t el_fine_product(int64_t acc, int32_t w, int16_t x)
{
    return acc + ((int64_t)w * x);
}

/* el_tanh.h. J = 64 ((u & 1023) - 512) in the upper half is (u << 22) + 2^31 without a mask. */
#define EL_NATIVE_FINE_TANH
static inline int32_t el_fine_tanh(int16_t u)
{
    const el_piece *p = &el_tanh_pieces[(u >> 10) + 32];
    const int64_t j = (int32_t)(((uint32_t)(int32_t)u << 22) + 0x80000000U);
    const int32_t bend = (int32_t)((uint32_t)p->slope << 16);
    const int32_t slope = p->slope + (int32_t)((bend * j) >> 32);

    return p->value + (int32_t)((slope * j) >> 32);
}

/* Products a round of el_dot's loop: one where the compiler is asked for size, else four. */
#ifdef __OPTIMIZE_SIZE__
#define EL_UNROLLED 0
#else
#define EL_UNROLLED 1
#endif

/* n modulo 4 products one at a time, then the rest four at a time. */
#define EL_DOT_BY_FOUR                                                              \
    for (uint32_t left = EL_UNROLLED ? (n & 3U) : n; left > 0; left--) {            \
        acc += (int32_t)*w++ * *x++;                                                \
    }                                                                               \
    for (uint32_t left = EL_UNROLLED ? (n >> 2) : 0U; left > 0; left--) {           \
        acc += ((int32_t)w[0] * x[0]) + ((int32_t)w[1] * x[1])                      \
             + ((int32_t)w[2] * x[2]) + ((int32_t)w[3] * x[3]);                     \
        w += 4;                                                                     \
        x += 4;                                                                     \
    }                                                                               \
    return acc

/* el_dot.h. */
#define EL_NATIVE_DOT
static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    EL_DOT_BY_FOUR;
}

static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    EL_DOT_BY_FOUR;
}

#endif
