/* SPDX-License-Identifier: 0BSD */
/* Armv8.1-M with MVE (Cortex-M55, M85): vectors of eight 16-bit products.
 *
 * el_core.h chooses this file. Each EL_NATIVE_x says that the function x is defined here
 * instead of in portable C; the contracts stand where the portable version does. */
#ifndef EL_CORE_ARMV81M_MVE_H
#define EL_CORE_ARMV81M_MVE_H

#include <stdint.h>

#include "elegans/cores/armv7em/fine_tanh.h"
#include "elegans/cores/armv7em/hold2.h"
#include "elegans/cores/armv7em/upper_product.h"
#include "elegans/cores/armv7m/thumb2.h"
#include "elegans/cores/armv81m_mve/lanes.h"

/* The weights of two neighbouring inputs: two int16_t in one word, the even one in the lower
 * half, ready for VMLADAVA. */
#define EL_PAIR(even, odd) (((odd) * 65536) + ((even) & 0xFFFF))

/* The last words of a table of weights. layers.inc loads the weights of four pairs and four
 * rows, 16 words, at once; with fewer than four pairs left it loads up to 12 words too many
 * and multiplies them by zero. They must be readable. */
#define EL_TAIL 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0

/* How many words these are, and the number of this layout of tables in el_block.h. */
#define EL_PAIR_WORDS 1U
#define EL_TAIL_WORDS 16U
#define EL_SYNAPSES1_WORDS 4U
#define EL_SYNAPSES2_WORDS 8U
#define EL_TABLES 3U

/* el_decayed.h. */
#define EL_NATIVE_DECAYED "elegans/cores/armv81m_mve/decayed.h"

/* el_tanh.h and el_sigmoid.h. */
#define EL_NATIVE_ACTIVATIONS "elegans/cores/armv81m_mve/activations.h"

/* el_step_ratio.c. */
#define EL_NATIVE_STEP_RATIO "elegans/cores/armv81m_mve/step_ratio.h"

/* el_leaky.h. */
#define EL_NATIVE_LEAKY "elegans/cores/armv81m_mve/leaky.h"

/* A loop with tail predication: DLSTP and LETP count lanes, and lanes behind the last element
 * are neither loaded nor added. w has the constraint "l" because VLDRB widens only from a low
 * register. */
#define EL_DOT_OF_EIGHT(load_weights)         \
    __asm__("dlstp.16 lr, %3\n"               \
            "1:\n\t"                          \
            load_weights "\n\t"               \
            "vldrh.u16 q1, [%2], #16\n\t"     \
            "vmladava.s16 %0, q0, q1\n\t"     \
            "letp lr, 1b"                     \
            : "+Te"(acc), "+l"(w), "+r"(x)    \
            : "r"(n)                          \
            : "q0", "q1", "lr", "memory")

/* el_dot.h. */
#define EL_NATIVE_DOT
static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    EL_DOT_OF_EIGHT("vldrh.u16 q0, [%1], #16");
    return acc;
}

static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    EL_DOT_OF_EIGHT("vldrb.s16 q0, [%1], #8");
    return acc;
}

/* el_long.h. VMLALDAVA takes an even and an odd register. */
#define EL_NATIVE_LONG_DOT
static inline int64_t el_long_dot(int64_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    register uint32_t lower __asm__("r2") = (uint32_t)acc;
    register int32_t upper __asm__("r3") = (int32_t)(acc >> 32);

    __asm__("dlstp.16 lr, %4\n"
            "1:\n\t"
            "vldrh.u16 q0, [%2], #16\n\t"
            "vldrh.u16 q1, [%3], #16\n\t"
            "vmlaldava.s16 %0, %1, q0, q1\n\t"
            "letp lr, 1b"
            : "+r"(lower), "+r"(upper), "+r"(w), "+r"(x)
            : "r"(n)
            : "q0", "q1", "lr", "memory");
    return (int64_t)(((uint64_t)(uint32_t)upper << 32) | lower);
}

/* Four products of 32 bits an instruction; inputs are widened while they load. */
#define EL_FINE_DOT_OF_FOUR(load_inputs)                        \
    register uint32_t lower __asm__("r2") = (uint32_t)acc;      \
    register int32_t upper __asm__("r3") = (int32_t)(acc >> 32); \
                                                                \
    __asm__("dlstp.32 lr, %4\n"                                 \
            "1:\n\t"                                            \
            load_inputs "\n\t"                                  \
            "vldrw.u32 q0, [%2], #16\n\t"                       \
            "vmlaldava.s32 %0, %1, q0, q1\n\t"                  \
            "letp lr, 1b"                                       \
            : "+r"(lower), "+r"(upper), "+r"(weights), "+l"(from) \
            : "r"(n), "r"(x)                                    \
            : "q0", "q1", "q2", "lr", "memory");                \
    acc = (int64_t)(((uint64_t)(uint32_t)upper << 32) | lower)

#define EL_NATIVE_FINE_DOT
static inline int64_t el_fine_dot(int64_t acc, const int32_t **w, const int16_t *x, uint32_t n)
{
    const int32_t *weights = *w;
    const int16_t *from = x;

    EL_FINE_DOT_OF_FOUR("vldrh.s32 q1, [%3], #8");
    *w += n;
    return acc;
}

#define EL_NATIVE_FINE_SUM
static inline int64_t el_fine_sum(int64_t acc, const int32_t **w, const uint16_t **at,
                                  const int16_t *x, uint32_t n)
{
    const int32_t *weights = *w;
    const uint16_t *from = *at;

    EL_FINE_DOT_OF_FOUR("vldrh.u32 q2, [%3], #8\n\tvldrh.s32 q1, [%5, q2, uxtw #1]");
    *w += n;
    *at += n;
    return acc;
}

#define EL_NATIVE_WIDE_SUM
static inline int64_t el_wide_sum(int64_t acc, const int32_t **w, const uint16_t **at,
                                  const int16_t *x, uint32_t cols, uint32_t n)
{
    const int32_t *weights = *w;
    const uint16_t *columns = *at;
    register uint32_t lower __asm__("r2") = 0;
    register int32_t upper __asm__("r3") = 0;

    __asm__("dlstp.32 lr, %4\n"
            "1:\n\t"
            "vldrh.u32 q2, [%3], #8\n\t"
            "vldrh.s32 q1, [%5, q2, uxtw #1]\n\t"
            "vldrh.s32 q3, [%6, q2, uxtw #1]\n\t"
            "vshl.i32 q1, q1, #16\n\t"
            "vadd.i32 q1, q1, q3\n\t"
            "vldrw.u32 q0, [%2], #16\n\t"
            "vmlaldava.s32 %0, %1, q0, q1\n\t"
            "letp lr, 1b"
            : "+r"(lower), "+r"(upper), "+r"(weights), "+l"(columns)
            : "r"(n), "r"(x), "r"(&x[cols])
            : "q0", "q1", "q2", "q3", "lr", "memory");
    *w += n;
    *at += n;
    return acc + ((int64_t)(((uint64_t)(uint32_t)upper << 32) | lower) >> 16);
}

#endif
