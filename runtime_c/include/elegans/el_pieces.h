/* SPDX-License-Identifier: 0BSD */
/* The table of tanh: 64 parabolas, read by el_fine_tanh and by the layers in assembler.
 *
 * z is 8/5 of tanh's argument in Q3.12, and segment i holds the z that are nearest to 1024 i.
 * With z = 1024 i + j, j in -512..511, and J = 64 j,
 *
 *   value + ((slope + bend J) J >> 16)
 *
 * is tanh in Q0.31 plus 2^15, the half unit that rounds it to Q0.15. bend is an int16_t and has
 * no field of its own: it is the lower half of slope, so that two words hold all three. */
#ifndef EL_PIECES_H
#define EL_PIECES_H

#include <stdint.h>

/* Other curves are parabolas of int16: value + rshr((slope + rshr(bend j, down + 3)) j, down), with
 * a `down` of each curve. What rounds last is in the table: EL_PARABOLA makes its entries. */
typedef struct {
    int32_t value;
    int16_t slope;
    int16_t bend;
} el_parabola;

#define EL_PARABOLA(value, slope, bend, down) \
    {((value) * (1 << (down))) + (1 << ((down) - 1)), (slope), (bend)}

typedef struct {
    int32_t value;
    int32_t slope;
} el_piece;

/* Segments -32..31, defined in el_tanh.c: el_tanh_pieces[32] is segment 0. */
extern const el_piece el_tanh_pieces[64];

#endif
