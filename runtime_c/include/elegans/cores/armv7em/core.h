/* SPDX-License-Identifier: 0BSD */
/* Armv7E-M and Armv8-M Mainline with DSP instructions (Cortex-M4, M7, M33): two 16-bit
 * products an instruction.
 *
 * el_core.h chooses this file. Each EL_NATIVE_x says that the function x is defined here
 * instead of in portable C; the contracts stand where the portable version does. */
#ifndef EL_CORE_ARMV7EM_H
#define EL_CORE_ARMV7EM_H

#include <stdint.h>

#include "elegans/cores/armv7em/fine_tanh.h"
#include "elegans/cores/armv7em/hold2.h"
#include "elegans/cores/armv7em/lanes.h"
#include "elegans/cores/armv7em/upper_product.h"
#include "elegans/cores/armv7m/thumb2.h"

/* The weights of two neighbouring inputs: two int16_t in one word, the even one in the lower
 * half, ready for SMLAD. */
#define EL_PAIR(even, odd) (((odd) * 65536) + ((even) & 0xFFFF))

/* The last words of a table of weights: a zero that nothing reads. */
#define EL_TAIL 0

/* How many words these are, and the number of this layout of tables in el_block.h. */
#define EL_PAIR_WORDS 1U
#define EL_TAIL_WORDS 1U
#define EL_SYNAPSES1_WORDS 7U
#define EL_SYNAPSES2_WORDS 7U
#define EL_TABLES 4U

/* el_decayed.h. */
#define EL_NATIVE_DECAYED "elegans/cores/armv7m/decayed.h"

/* el_tanh.h and el_sigmoid.h. */
#define EL_NATIVE_ACTIVATIONS "elegans/cores/armv7em/activations.h"

/* el_leaky.h. */
#define EL_NATIVE_LEAKY "elegans/cores/armv7m/leaky.h"

/* Products a round of el_dot's loop: two where the compiler is asked for size, else eight. */
#ifdef __OPTIMIZE_SIZE__
#define EL_UNROLLED 0
#else
#define EL_UNROLLED 1
#endif

#include "elegans/cores/armv7m/long_sums.h"

#define EL_PRODUCTS            \
    "ldr %3, [%1], #4\n\t"     \
    "ldr %4, [%2], #4\n\t"     \
    "smlad %0, %3, %4, %0\n\t"

/* el_dot.h. Words are loaded from the alignment of int16_t, which LDR allows. */
#define EL_NATIVE_DOT
static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    int32_t weights, inputs;

    for (uint32_t left = EL_UNROLLED ? (n >> 3) : 0U; left > 0; left--) {
        __asm__(EL_PRODUCTS EL_PRODUCTS EL_PRODUCTS EL_PRODUCTS
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weights), "=&r"(inputs) : : "memory");
    }
    for (uint32_t left = EL_UNROLLED ? ((n >> 1) & 3U) : (n >> 1); left > 0; left--) {
        __asm__(EL_PRODUCTS
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weights), "=&r"(inputs) : : "memory");
    }
    if ((n & 1U) != 0) {
        acc += (int32_t)w[0] * x[0];
    }
    return acc;
}

#define EL_LONG_PRODUCTS               \
    "ldr %3, [%1], #4\n\t"             \
    "ldr %4, [%2], #4\n\t"             \
    "smlald %Q0, %R0, %3, %4\n\t"

/* el_long.h. */
#define EL_NATIVE_LONG_DOT
static inline int64_t el_long_dot(int64_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    int32_t weights, inputs;

    for (uint32_t left = EL_UNROLLED ? (n >> 3) : 0U; left > 0; left--) {
        __asm__(EL_LONG_PRODUCTS EL_LONG_PRODUCTS EL_LONG_PRODUCTS EL_LONG_PRODUCTS
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weights), "=&r"(inputs) : : "memory");
    }
    for (uint32_t left = EL_UNROLLED ? ((n >> 1) & 3U) : (n >> 1); left > 0; left--) {
        __asm__(EL_LONG_PRODUCTS
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weights), "=&r"(inputs) : : "memory");
    }
    if ((n & 1U) != 0) {
        acc += (int32_t)w[0] * x[0];
    }
    return acc;
}

/* Four products a round. SXTB16 widens bytes 0 and 2 of a word of weights, and rotated by 8
 * bytes 1 and 3; PKHBT and PKHTB sort the inputs likewise. */
static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    int32_t weights, x01, x23, even;

    for (uint32_t left = n >> 2; left > 0; left--) {
        __asm__("ldr %3, [%1], #4\n\t"
                "ldr %4, [%2], #4\n\t"
                "ldr %5, [%2], #4\n\t"
                "pkhbt %6, %4, %5, lsl #16\n\t"
                "pkhtb %5, %5, %4, asr #16\n\t"
                "sxtb16 %4, %3\n\t"
                "smlad %0, %4, %6, %0\n\t"
                "sxtb16 %4, %3, ror #8\n\t"
                "smlad %0, %4, %5, %0"
                : "+r"(acc), "+r"(w), "+r"(x),
                  "=&r"(weights), "=&r"(x01), "=&r"(x23), "=&r"(even) : : "memory");
    }
    for (uint32_t left = n & 3U; left > 0; left--) {
        acc += (int32_t)*w++ * *x++;
    }
    return acc;
}

#endif
