/* SPDX-License-Identifier: 0BSD */
/* The loop of el_decayed on Armv7E-M, by el_decayed.h. The rate lies in the upper half of its sum,
 * and 2^-x in the upper half of a product, where SMLATB takes them. With eight bits more than
 * el_decay1 has, the position within a segment is in place for its product. */
#ifndef EL_CORE_ARMV7EM_DECAYED_H
#define EL_CORE_ARMV7EM_DECAYED_H

/* (a >> 16) b + c. */
static inline int32_t el_upper_times(uint32_t a, int16_t b, int32_t c)
{
    int32_t sum;

    __asm__("smlatb %0, %1, %2, %3" : "=r"(sum) : "r"(a), "r"((int32_t)b), "r"(c));
    return sum;
}

static inline void el_decayed_all(int16_t *p, const int16_t *z, int16_t dt, const int32_t *map,
                                  uint32_t time, uint32_t gain, uint32_t n)
{
    const int32_t rounds = (int32_t)((1U << time) >> 1);
    const int32_t half = (int32_t)((1U << gain) >> 1);
    const uint32_t finer = time - 8U;

    for (const int16_t *const end = z + n; z < end; map += 2) {
        const int16_t v = *z++;
        const int32_t size = (v ^ (v >> 15)) - (v >> 15);
        const int32_t sum = (map[0] * (size - (size >> 15))) + map[1];
        const int32_t moved = el_upper_times((uint32_t)sum, dt, rounds) >> finer;
        uint32_t at;

        __asm__("usat %0, #28, %1" : "=r"(at) : "r"(moved)); /* 2^8 x */
        const uint32_t segment = el_halvings[(at >> 16) & 127U];
        const uint32_t part = segment - ((segment & 255U) * (at & 0xFF00U));
        const uint32_t held = (part >> 16) - (part >> 31);

        *p++ = el_sat16(el_upper_times((held * (65536U >> (at >> 23))) + 32768U, v, half) >> gain);
    }
}

#endif
