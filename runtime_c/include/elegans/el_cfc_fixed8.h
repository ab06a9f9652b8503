/* SPDX-License-Identifier: 0BSD */
/* A layer of CfC neurons with int8 weights and a fixed sample period: el_cfc8 without elapsed
 * time, and with three rows for each neuron, f, g and t. Everything else is as in el_cfc8.h. */
#ifndef EL_CFC_FIXED8_H
#define EL_CFC_FIXED8_H

#include <stdint.h>

#include "elegans/el_cfc8.h"

const int32_t *el_cfc_fixed8(int16_t *h, const int16_t *x, const int32_t *w,
                             uint32_t first, int32_t skip, uint32_t pairs, uint32_t neurons,
                             uint32_t f, uint32_t g, uint32_t t);

#endif
