/* y = h + s (g - h) with a gate s: the states of a GRU, in 32 bits.
 *
 *   y     [2 n] the next states as halves (el_wide.h); may be h
 *   h     [2 n] the states as halves
 *   g     [n] in the format of the upper halves
 *   t     [n] Q0.15, 1..32767
 *   keep  1: t is the share of h that is kept, as in a GRU, so s = 1 - t; 0: s = t
 *
 * The upper half stays between its old value and g. Exact twin of exporter/ops/blend.py. */
#ifndef EL_BLEND_H
#define EL_BLEND_H

#include <stdint.h>

#include "elegans/el_wide.h"

EL_INLINE void el_blend(int16_t *y, const int16_t *h, const int16_t *g, const int16_t *t,
                        uint32_t keep, uint32_t n)
{
    /* m = t, or 2^15 - t = ~t + 2^15 + 1. */
    const int32_t flip = -(int32_t)keep;
    const int32_t one = flip & 32769;

    for (uint32_t i = 0; i < n; i++) {
        const int32_t change = ((t[i] ^ flip) + one) * ((int32_t)g[i] - h[i]);

        el_halves(y, i, n, (int32_t)((uint32_t)el_whole(h, i, n) + (2U * (uint32_t)change)));
    }
}

#endif
