/* SPDX-License-Identifier: 0BSD */
/* The loop of el_decayed on Armv6-M, by el_decayed.h: shifts that round by their carry. */
#ifndef EL_CORE_ARMV6M_DECAYED_H
#define EL_CORE_ARMV6M_DECAYED_H

static inline void el_decayed_all(int16_t *p, const int16_t *z, int16_t dt, const int32_t *map,
                                  uint32_t time, uint32_t gain, uint32_t most, uint32_t n)
{
    for (const int16_t *const end = z + n; z < end; map += 2) {
        const int32_t v = *z++;
        const int32_t rate = ((map[0] * el_magnitude(v, most)) + map[1]) >> 16;
        const int32_t left = el_decay1(el_rounded_by(rate * dt, (int32_t)time));
        const int32_t found = el_rounded_by(left * v, (int32_t)gain);

        *p++ = (gain == 15U) ? (int16_t)found : el_sat16_near(found);
    }
}

#endif
