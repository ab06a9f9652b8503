/* SPDX-License-Identifier: 0BSD */
/* The loop of el_decayed on cores with Thumb-2, by el_decayed.h. With eight bits more than
 * el_decay1 has, the position within a segment is in place for its product. */
#ifndef EL_CORE_ARMV7M_DECAYED_H
#define EL_CORE_ARMV7M_DECAYED_H

/* (a >> 16) b + c. */
static inline int32_t el_upper_times(int32_t a, int16_t b, int32_t c)
{
#ifdef __ARM_FEATURE_DSP
    int32_t sum;

    __asm__("smlatb %0, %1, %2, %3" : "=r"(sum) : "r"(a), "r"((int32_t)b), "r"(c));
    return sum;
#else
    int32_t sum = a >> 16;

    __asm__("mla %0, %0, %1, %2" : "+r"(sum) : "r"((int32_t)b), "r"(c));
    return sum;
#endif
}

/* a >> n, held in 0..2^28 - 1: one instruction where n is known when it is compiled. */
static inline int32_t el_upto28_of(int32_t a, uint32_t n)
{
    int32_t held;

    if (__builtin_constant_p(n) && (n > 0U)) {
        __asm__("usat %0, #28, %1, asr %2" : "=r"(held) : "r"(a), "i"(n));
    } else {
        __asm__("usat %0, #28, %1" : "=r"(held) : "r"(a >> n));
    }
    return held;
}

/* el_decay1(x) v + half, of 2^8 x, below 2^28. The constant of ANDS is a rotated one whose bit 31 is
 * 0, so that it clears the carry, and a shift by 0 rounds nothing. */
static inline int32_t el_decayed_sum(int32_t x, int32_t v, int32_t half)
{
    int32_t part, slope, within;

    __asm__("ubfx %1, %0, #16, #7\n\t"
            "ldr %1, [%4, %1, lsl #2]\n\t"
            "ands %2, %0, #0xFF00\n\t"
            "uxtb %3, %1\n\t"
            "mls %1, %2, %3, %1\n\t"
            "lsr %0, %0, #23\n\t"
            "lsr %1, %1, #16\n\t"
            "usat %1, #15, %1\n\t"
            "asrs %1, %1, %0\n\t"
            "adc %1, %1, #0\n\t"
            "mla %0, %1, %5, %6"
            : "+&r"(x), "=&r"(part), "=&r"(within), "=&r"(slope)
            : "r"(el_halvings), "r"(v), "r"(half), "m"(el_halvings) : "cc");
    return x;
}

static inline void el_decayed_all(int16_t *p, const int16_t *z, int16_t dt, const int32_t *map,
                                  uint32_t time, uint32_t gain, uint32_t most, uint32_t n)
{
    const int32_t rounds = (int32_t)((1U << time) >> 1);
    const int32_t half = (int32_t)((1U << gain) >> 1);
    const uint32_t finer = time - 8U;

    for (const int16_t *const end = z + n; z < end;) {
        const int16_t v = *z++;
        int32_t slope, bias;

        __asm__("ldrd %0, %1, [%2], #8" : "=r"(slope), "=r"(bias), "+r"(map) : : "memory");
        const int32_t rate = (slope * el_magnitude(v, most)) + bias;
        const int32_t x = el_upto28_of(el_upper_times(rate, dt, rounds), finer);
        const int32_t found = el_decayed_sum(x, v, half) >> gain;

        *p++ = (gain == 15U) ? (int16_t)found : el_sat16(found);
    }
}

#endif
