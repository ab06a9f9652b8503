/* SPDX-License-Identifier: 0BSD */
/* RV32 without a multiplier (RV32EC, RV32IC): products are calls of __mulsi3, which the compiler's
 * library has. There it branches on the data; firmware_templates/riscv_multiply.c does not.
 *
 * el_core.h chooses this file. Each EL_NATIVE_x says that the function x is defined here
 * instead of in portable C; the contracts stand where the portable version does. */
#ifndef EL_CORE_RV32E_H
#define EL_CORE_RV32E_H

#include <stdint.h>

#include "elegans/cores/rv32im/branchless.h"

/* The weights of two neighbouring inputs: two int16_t in one word, the even one in the lower
 * half, as el_pairs.h reads them. */
#define EL_PAIR(even, odd) (((odd) * 65536) + ((even) & 0xFFFF))

/* The last words of a table of weights: a zero that nothing reads. */
#define EL_TAIL 0

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
