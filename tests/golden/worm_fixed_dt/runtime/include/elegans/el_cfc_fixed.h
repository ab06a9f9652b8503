/* SPDX-License-Identifier: 0BSD */
/* A layer of CfC neurons with a fixed sample period: el_cfc without elapsed time. dt is a
 * constant of the model then, and the exporter folds the rate's map into t.
 *
 *   w   for each neuron: three biases (of f, g and t), then for each pair of inputs their
 *       weights in these three maps, as EL_PAIR lays them out
 *
 * Everything else is as in el_cfc.h. */
#ifndef EL_CFC_FIXED_H
#define EL_CFC_FIXED_H

#include <stdint.h>

#include "elegans/el_cfc.h"

const int32_t *el_cfc_fixed(int16_t *h, const int16_t *x, const int32_t *w,
                            uint32_t pairs, uint32_t neurons, uint32_t f, uint32_t g, uint32_t t);

#endif
