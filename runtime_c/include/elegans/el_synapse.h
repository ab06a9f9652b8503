/* SPDX-License-Identifier: 0BSD */
/* The sigmoid of a synapse, where its argument is computed: without a store between the two. */
#ifndef EL_SYNAPSE_H
#define EL_SYNAPSE_H

#include <stdint.h>

#include "elegans/el_sigmoid.h"
#include "elegans/el_tanh.h"

/* The result of el_sigmoid for the argument z, 8/5 of the real one in Q4.11.
 *
 *   u  z + 512, with half a segment of the table
 *
 * To saturate once, with half a segment, gives another u than el_sigmoid in segment -32 only, in
 * which the curve is constant. */
#ifndef EL_NATIVE_SYNAPSE
static inline int16_t el_synapse(int32_t u)
{
    return (int16_t)(((el_fine_tanh(el_sat16(u)) >> 1) + EL_SIGMOID_HALF) >> 16);
}
#endif

#endif
