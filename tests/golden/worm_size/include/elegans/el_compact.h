/* What the compact kernels of CfC layers share: fewer bytes, more instructions, the same bits. */
#ifndef EL_COMPACT_H
#define EL_COMPACT_H

#include <stdint.h>

#include "elegans/el_fixed.h"

/* A layer reads v[from .. from + inputs) and writes v[to .. to + neurons). */
typedef struct {
    uint16_t from, inputs, to, neurons;
} el_compact_layer;

/* wired[k] = x[i] for each i of 0 .. inputs whose bit is set, eight to a byte; gives how many.
 * inputs >= 1.
 * No branch asks for a bit: what is not wired is overwritten by what is, or not counted. */
uint32_t el_compact_gather(int16_t *wired, const int16_t *x, const uint8_t *bits, uint32_t inputs);

/* tanh from half of its table: el_fine_tanh of the same u. */
int32_t el_compact_tanh(int16_t u);

/* A neuron's new state from the sums of f, g and t, acc[0..2], and their shifts, 0..30. */
int16_t el_compact_neuron(int32_t acc[4], const uint8_t shift[3]);

#endif
