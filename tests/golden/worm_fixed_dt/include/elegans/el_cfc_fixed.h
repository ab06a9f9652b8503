/* A layer of CfC neurons with a fixed sample period: el_cfc without elapsed time.
 *
 *   w            for each neuron: three biases (of f, g and t), then for each pair of
 *                inputs their weights in these three
 *
 * and the rest as there. */
#ifndef EL_CFC_FIXED_H
#define EL_CFC_FIXED_H

#include <stdint.h>

#include "elegans/el_cfc.h"

const int32_t *el_cfc_fixed(int16_t *h, const int16_t *x, const int32_t *w,
                            uint32_t pairs, uint32_t neurons, uint32_t f, uint32_t g, uint32_t t);

#endif
