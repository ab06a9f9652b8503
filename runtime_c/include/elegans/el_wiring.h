/* SPDX-License-Identifier: 0BSD */
/* Whether the words of a solver in a block of weights (el_block.h) have the wiring of the code. Only
 * then do they name no other places than the code's own, and take its instructions.
 *
 *   w        what el_unfolds_body.h reads
 *   wired    how many synapses each list has, then the index of what each of them reads: the lists
 *            from inputs, scale by scale and neuron by neuron, then those from potentials
 *   scales   of the arguments of synapses from inputs
 *   still    neurons that no potential reaches
 *   neurons  all of them
 *
 * Returns 0 if they have. It follows `wired` alone, so whatever w has, it is read within its size. */
#ifndef EL_WIRING_H
#define EL_WIRING_H

#include <stdint.h>

uint32_t el_wiring(const int32_t *w, const uint16_t *wired, uint32_t scales, uint32_t still,
                   uint32_t neurons);

#endif
