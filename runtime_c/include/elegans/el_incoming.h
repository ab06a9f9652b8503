/* SPDX-License-Identifier: 0BSD */
/* What is added to a state, from 32 bits of its own. Exact twin of `WideIncoming` in
 * exporter/numbers/held_states.py. */
#ifndef EL_INCOMING_H
#define EL_INCOMING_H

#include "elegans/el_wide.h"

/* a 2^left, rounded half up and held in -most..most, for left in -30..15 and any a. */
static inline int32_t el_incoming(int32_t a, int32_t left, int32_t most)
{
    const uint32_t up = (left > 0) ? (uint32_t)left : 0U;
    const uint32_t right = (left < 0) ? (uint32_t)-left : 0U;
    const uint32_t last = (right > 0U) ? 1U : 0U;
    const int32_t end = most >> up;

    return el_left(el_held(el_rshr(a >> (right - last), last), -end, end), up);
}

#endif
