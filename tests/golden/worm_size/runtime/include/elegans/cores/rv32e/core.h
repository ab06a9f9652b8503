/* SPDX-License-Identifier: 0BSD */
/* RV32 without a multiplier (RV32EC, RV32IC). The products of layers and dense maps are sums of
 * multiples, looked up by the digits of the weights; an address never depends on the data. What
 * else is a product is a call of __mulsi3, which the compiler's library has. There it branches on
 * the data; firmware_templates/riscv_multiply.c does not.
 *
 * el_core.h chooses this file. Each EL_NATIVE_x says that the function x is defined here
 * instead of in portable C; the contracts stand where the portable version does. */
#ifndef EL_CORE_RV32E_H
#define EL_CORE_RV32E_H

#include <stdint.h>

#include "elegans/cores/rv32im/branchless.h"
#include "elegans/el_pieces.h"

/* The weights of two neighbouring inputs: two int16_t in one word, the even one in the lower
 * half, as el_pairs.h reads them. */
#define EL_PAIR(even, odd) (((odd) * 65536) + ((even) & 0xFFFF))

/* The last words of a table of weights: a zero that nothing reads. */
#define EL_TAIL 0

/* How many words these are, and the number of this layout of tables in el_block.h. */
#define EL_PAIR_WORDS 1U
#define EL_TAIL_WORDS 1U
#define EL_SYNAPSES1_WORDS 5U
#define EL_SYNAPSES2_WORDS 10U
#define EL_TABLES 1U

/* to[i] = i x for i < 16, modulo 2^32. */
static inline void el_multiples(uint32_t *to, int16_t x)
{
    const uint32_t one = (uint32_t)(int32_t)x;

    to[0] = 0;
    to[1] = one;
    to[2] = one + one;
    to[3] = to[2] + one;
    to[4] = to[3] + one;
    to[5] = to[4] + one;
    to[6] = to[5] + one;
    to[7] = to[6] + one;
    to[8] = to[7] + one;
    to[9] = to[8] + one;
    to[10] = to[9] + one;
    to[11] = to[10] + one;
    to[12] = to[11] + one;
    to[13] = to[12] + one;
    to[14] = to[13] + one;
    to[15] = to[14] + one;
}

/* el_pairs.h. The multiples of two inputs serve all rows. A word has two weights; with 2^15 added
 * to each these are eight digits to the base 16, of which two of equal place are added before the
 * sum so far is multiplied by 16. What 2^15 adds is 2^15 (x[0] + x[1]), the same in each row. All
 * is exact modulo 2^32, and no sum leaves int32_t. */
#define EL_NATIVE_PAIRS
static inline const int32_t *el_pairs(int32_t *acc, const int16_t *x, const int32_t *w,
                                      uint32_t pairs, uint32_t rows)
{
    uint32_t even[16], odd[16];

    for (uint32_t p = 0; p < pairs; p++) {
        const uint32_t more = (uint32_t)((int32_t)x[0] + x[1]) << 15;

        el_multiples(even, x[0]);
        el_multiples(odd, x[1]);
        for (uint32_t r = 0; r < rows; r++) {
            const uint32_t digits = (uint32_t)*w ^ 0x80008000U;
            uint32_t sum = even[(digits >> 12) & 15U] + odd[digits >> 28];

            sum = (sum << 4) + even[(digits >> 8) & 15U] + odd[(digits >> 24) & 15U];
            sum = (sum << 4) + even[(digits >> 4) & 15U] + odd[(digits >> 20) & 15U];
            sum = (sum << 4) + even[digits & 15U] + odd[(digits >> 16) & 15U];
            acc[r] = (int32_t)((uint32_t)acc[r] + (sum - more));
            w++;
        }
        x += 2;
    }
    return w;
}

/* el_dot.h. As el_pairs, of one input and one weight. */
#define EL_NATIVE_DOT
static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    uint32_t of[16];
    uint32_t sum = (uint32_t)acc;

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t digits = (uint32_t)(int32_t)w[i] ^ 0x8000U;
        uint32_t product;

        el_multiples(of, x[i]);
        product = (of[(digits >> 12) & 15U] << 4) + of[(digits >> 8) & 15U];
        product = (product << 4) + of[(digits >> 4) & 15U];
        product = (product << 4) + of[digits & 15U];
        sum += product - ((uint32_t)(int32_t)x[i] << 15);
    }
    return (int32_t)sum;
}

/* Two digits: w + 2^7. */
static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    uint32_t of[16];
    uint32_t sum = (uint32_t)acc;

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t digits = (uint32_t)(int32_t)w[i] ^ 0x80U;

        el_multiples(of, x[i]);
        sum += (of[(digits >> 4) & 15U] << 4) + of[digits & 15U];
        sum -= (uint32_t)(int32_t)x[i] << 7;
    }
    return (int32_t)sum;
}

/* el_tanh.h. With v = u & 1023, J = 64 (v - 512), so a J is 64 (a v - 512 a): a v adds up a for each
 * of ten bits. Modulo 2^32, in which each product fits: |a| <= 2^16, |J| <= 2^15. */
#define EL_NATIVE_FINE_TANH
static inline int32_t el_fine_tanh(int16_t u)
{
    const el_piece *p = &el_tanh_pieces[(u >> 10) + 32];
    const uint32_t place = (uint32_t)(int32_t)u << 22;
    const uint32_t bend = (uint32_t)(int32_t)(int16_t)(p->slope & 0xFFFF);
    uint32_t sum = 0, upper, lower, high = 0, low = 0;
    int32_t slope;

    for (uint32_t bit = 0; bit < 10U; bit++) {
        sum = (sum << 1) + (bend & (uint32_t)el_mask((int32_t)(place << bit)));
    }
    slope = p->slope + (int32_t)((sum - (bend << 9)) << 6);
    upper = (uint32_t)(slope >> 16);
    lower = (uint32_t)slope & 0xFFFFU;
    for (uint32_t bit = 0; bit < 10U; bit++) {
        const uint32_t taken = (uint32_t)el_mask((int32_t)(place << bit));

        high = (high << 1) + (upper & taken);
        low = (low << 1) + (lower & taken);
    }
    high = (high - (upper << 9)) << 6;
    low = (low - (lower << 9)) << 6;
    return p->value + (int32_t)high + ((int32_t)low >> 16);
}

/* el_divide.h. One bit of the quotient a round, by restoring division: shift the next bit of a into
 * the rest, subtract b, and add it again if that was too much. The rest is less than b before a
 * round, and less than 2 b <= 2^32 after the shift. The empty asm hides a choice that a compiler
 * may make by a branch. */
#define EL_NATIVE_UDIV
static inline uint32_t el_udiv(uint32_t a, uint32_t b)
{
    uint32_t rest = 0;

    for (uint32_t round = 0; round < 32U; round++) {
        uint32_t less;

        rest = (rest << 1) | (a >> 31);
        less = 0U - (uint32_t)(rest < b);
        __asm__("" : "+r"(less));
        rest = (rest - b) + (b & less);
        a = (a << 1) + 1U + less;
    }
    return a;
}

#endif
