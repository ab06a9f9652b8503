/* SPDX-License-Identifier: 0BSD */
/* The loop of el_leaky on cores with Thumb-2, by el_leaky.h: two elements a round. */
#ifndef EL_CORE_ARMV7M_LEAKY_H
#define EL_CORE_ARMV7M_LEAKY_H

/* f = rshr(f t, 16); and f = rshr(f q, 16), which leaves the carry clear: no bit is shifted out of q,
 * below 2^15, and f q + 2^15 is below 2^32. SMMULR gives the rounded upper half of 64 bits. */
#ifdef __ARM_FEATURE_DSP
#define EL_LEAKY_TIME(t) ((t) * 65536)
#define EL_LEAKY_TIMES "smmulr %[f], %[f], %[t]"
#define EL_LEAKY_SHARE "lsls %[q], %[q], #16\n\tsmmulr %[f], %[f], %[q]\n\t"
#else
#define EL_LEAKY_TIME(t) (t)
#define EL_LEAKY_TIMES "mul %[f], %[f], %[t]\n\tadd %[f], %[f], #32768\n\tlsr %[f], %[f], #16"
#define EL_LEAKY_SHARE \
    "mul %[f], %[f], %[q]\n\tadds %[f], %[f], #32768\n\tlsr %[f], %[f], #16\n\t"
#endif

/* What all elements share: elapsed time, its exponent less 5, and the curve. */
typedef struct {
    int32_t time;
    int32_t less;
    const el_parabola *curve;
} el_leaky_shared;

/* The next state of an element, in 32 bits; u and low are its halves before. Of x 2^(6 - k), in 32
 * bits with no end, both the factor and, shifted by the share's exponent e = max(k - 5, 0), the place
 * on the curve are taken. A shift leaves in the carry what rounds, and by 0 the carry as it was. */
static inline int32_t el_leaky1(el_leaky_shared of, const int32_t **rates, const int16_t **g,
                                const int16_t *u, const int16_t *low)
{
    int32_t f, own, old, to;

    __asm__("ldrd %[f], %[own], [%[rates]], #8\n\t" EL_LEAKY_TIMES
            : [f] "=&r"(f), [own] "=&r"(own), [rates] "+&r"(*rates) : [t] "r"(of.time) : "memory");
    own += of.less - 1;
    const int32_t e = el_positive(own + 1);
    const int32_t x = (int32_t)((uint32_t)f << (uint32_t)(e - own));
    const int32_t z = el_upto20_1(x >> e);
    int32_t q = EL_PARABOLA1(of.curve, z >> 14, EL_CENTRED1(z, 14), 13);

    f = el_upto16_1(x);
    __asm__("ldrsh %[to], [%[g]], #2\n\t"
            "ldrsh %[old], %[u]\n\t"
            EL_LEAKY_SHARE
            "sub %[to], %[to], %[old]\n\t"
            "mul %[f], %[f], %[to]\n\t"
            "ldrsh %[to], %[low]\n\t"
            "asrs %[f], %[f], %[e]\n\t"
            "adc %[f], %[f], #0\n\t"
            "add %[old], %[to], %[old], lsl #16\n\t"
            "add %[f], %[old], %[f], lsl #1"
            : [f] "+&r"(f), [q] "+&r"(q), [to] "=&r"(to), [old] "=&r"(old), [g] "+&r"(*g)
            : [e] "r"(e), [u] "m"(*u), [low] "m"(*low) : "cc", "memory");
    return f;
}

static inline int16_t el_leaky_lower(int32_t a)
{
    return (int16_t)((uint32_t)a & 0xFFFFU);
}

/* The rounded upper halves of two states. */
static inline int16_t *el_leaky_uppers(int16_t *u, int32_t first, int32_t second)
{
#ifdef __ARM_FEATURE_DSP
    first += 32768;
    __asm__("pkhtb %0, %2, %0, asr #16\n\tstr %0, [%1], #4"
            : "+&r"(first), "+&r"(u) : "r"(second + 32768) : "memory");
    return u;
#else
    u[0] = (int16_t)((first + 32768) >> 16);
    u[1] = (int16_t)((second + 32768) >> 16);
    return &u[2];
#endif
}

static inline void el_leaky_all(int16_t *y, const int16_t *h, const int16_t *g, const int16_t *t,
                                const int32_t *rates, uint32_t n)
{
    el_leaky_shared of = {EL_LEAKY_TIME(t[0]), t[1] - 4, el_decay_share_curve};
    const int16_t *const end = g + n;

    __asm__("" : "+r"(of.curve)); /* or it is loaded for each element */
    if (y != h) {
        el_copy(y, h, 2U * n);
    }
    if ((n & 1U) != 0U) {
        const int32_t a = el_leaky1(of, &rates, &g, y, &y[n]);

        y[n] = el_leaky_lower(a);
        y[0] = (int16_t)((a + 32768) >> 16);
        y++;
    }
    while (g < end) {
        const int32_t a = el_leaky1(of, &rates, &g, y, &y[n]);
        y[n] = el_leaky_lower(a);

        const int32_t b = el_leaky1(of, &rates, &g, &y[1], &y[n + 1U]);
        y[n + 1U] = el_leaky_lower(b);
        y = el_leaky_uppers(y, a, b);
    }
}

#endif
