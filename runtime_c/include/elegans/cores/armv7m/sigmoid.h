/* SPDX-License-Identifier: 0BSD */
/* The sigmoid of a synapse on cores with Thumb-2: a parabola in 64 bits, seven instructions. */
#ifndef EL_CORE_SIGMOID_H
#define EL_CORE_SIGMOID_H

#include <stdint.h>

/* Segment i of sigmoid, for the u of el_synapse.h: with k = 32 (u & 1023), from 0 to 32736,
 *
 *   (2^32 upper + lower + (slope + bend k) k) >> 32
 *
 * is el_synapse(u), because it is the parabola of el_pieces.h about the segment's end, multiplied
 * out with nothing rounded. (slope + bend k) fits int32_t. */
#define EL_NATIVE_SIGMOID_PIECES
typedef struct {
    int32_t bend;
    int32_t slope;
    uint32_t lower;
    int32_t upper;
} el_sigmoid_piece;

/* Segments -32..31, defined in el_unfolds.c. */
extern const el_sigmoid_piece el_sigmoid_pieces[64];

/* In: u, an argument before its shift. Out: `upper`, its sigmoid, by way of four registers in
 * ascending order, of which none may be u. r9 has &el_sigmoid_pieces[32], r11 0x7FE0. */
#define EL_SIGMOID(shift, u, bend, slope, lower, upper)               \
    "ssat " u ", #16, " u ", asr #" #shift "\n\t"                     \
    "asr " bend ", " u ", #10\n\t"                                    \
    "add " bend ", r9, " bend ", lsl #4\n\t"                          \
    "and " u ", r11, " u ", lsl #5\n\t"                               \
    "ldmia " bend ", {" bend ", " slope ", " lower ", " upper "}\n\t" \
    "mla " bend ", " bend ", " u ", " slope "\n\t"                    \
    "smlal " lower ", " upper ", " bend ", " u "\n\t"

#define EL_SIGMOID_CONSTANTS                                                             \
    register const el_sigmoid_piece *pieces __asm__("r9") = &el_sigmoid_pieces[32];      \
    register int32_t mask __asm__("r11") = 0x7FE0
#define EL_SIGMOID_INPUTS "r"(pieces), "r"(mask)

#endif
