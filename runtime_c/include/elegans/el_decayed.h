/* SPDX-License-Identifier: 0BSD */
/* p[i] = z[i] 2^-(a[i] dt), where the rate a[i] grows with |z[i]|: the bits of el_absolute, a map
 * of each magnitude by itself, el_decay and el_product in turn, without the vectors between them.
 * It is what CfC's mode "pure" consists of.
 *
 *   p        [n] the scale of z if gain is 15, finer if it is less; may be z
 *   z        [n] any value
 *   dt       [1] at least 0: elapsed time
 *   map      [n][2] c and b of each element: a[i] = (c |z[i]| + b) / 2^16, rounded down; b includes
 *            what rounds. The exporter proves that the sum fits int32_t, and that a is in 0..32767
 *   time     8..30, from the scale of a * dt to 2^-15 halvings
 *   gain     0..15
 *   most     the greatest magnitude in z; 32768 counts as 32767
 *
 * With a gain of 15 no result leaves int16: the magnitude of each is at most 32767. */
#ifndef EL_DECAYED_H
#define EL_DECAYED_H

#include <stdint.h>

#include "elegans/el_decay.h"
#include "elegans/el_wide.h"

/* |z|, of which 32768 counts as 32767. */
static inline int32_t el_magnitude(int32_t z, uint32_t most)
{
    const int32_t sign = z >> 15;
    const int32_t size = (z ^ sign) - sign;

    return (most < 32768U) ? size : (size - (size >> 15));
}

#ifdef EL_NATIVE_DECAYED
#include EL_NATIVE_DECAYED
#endif

/* The loop over all elements, with elapsed time as a number. A core that has its own names the
 * file as EL_NATIVE_DECAYED. */
#ifndef EL_NATIVE_DECAYED
static inline void el_decayed_all(int16_t *p, const int16_t *z, int16_t dt, const int32_t *map,
                                  uint32_t time, uint32_t gain, uint32_t most, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t size = el_magnitude(z[i], most);
        const int32_t a = ((map[2U * i] * size) + map[(2U * i) + 1U]) >> 16;

        p[i] = el_sat16(el_rshr(el_decay1(el_rshr(a * dt, time)) * z[i], gain));
    }
}
#endif

EL_INLINE void el_decayed(int16_t *p, const int16_t *z, const int16_t *dt, const int32_t *map,
                          uint32_t time, uint32_t gain, uint32_t most, uint32_t n)
{
    el_decayed_all(p, z, dt[0], map, time, gain, most, n);
}

#endif
