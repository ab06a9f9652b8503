/* SPDX-License-Identifier: 0BSD */
/* What el_cfc_compact and el_cfc_compact8 share. They take less flash and more instructions than
 * the other kernels of a CfC layer, and compute the same bits. */
#ifndef EL_COMPACT_H
#define EL_COMPACT_H

#include <stdint.h>

#include "elegans/el_fixed.h"

/* A layer reads v[from .. from + inputs) and writes v[to .. to + neurons). */
typedef struct {
    uint16_t from, inputs, to, neurons;
} el_compact_layer;

/* Copies the elements of x whose bit is set to wired[0], wired[1], ..., and returns how many
 * there are.
 *
 *   wired   [inputs] must not overlap x; what lies behind the last copied element is overwritten
 *   x       [inputs]
 *   bits    a bit for each input, the first in the lowest bit of the first byte
 *   inputs  >= 1
 *
 * There is no branch on a bit: every element is written, but only one whose bit is set moves
 * the target on, so the next element overwrites the others. */
uint32_t el_compact_gather(int16_t *wired, const int16_t *x, const uint8_t *bits, uint32_t inputs);

/* el_fine_tanh(u), from a table of half the size. */
int32_t el_compact_tanh(int16_t u);

/* A neuron's new state, el_mix1(f, g, t).
 *
 *   acc    [4] the sums of f, g and t, without rounding and half a segment; overwritten
 *   shift  [3] 0..30, from the sums to the arguments of tanh */
int16_t el_compact_neuron(int32_t acc[4], const uint8_t shift[3]);

#endif
