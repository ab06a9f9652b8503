/* Fixed point: the one rounding rule, and saturation to int16.
 *
 * A value is a two's-complement integer with a power-of-two scale. Qm.n has n fractional
 * bits: value = integer / 2^n. Every kernel takes its outputs first, the caller owns all
 * memory, and nothing here can fail: ranges are proved when the model is exported.
 *
 * Exact twin of exporter/numbers/fixed.py. */
#ifndef EL_FIXED_H
#define EL_FIXED_H

#include <stdint.h>

#include "elegans/el_core.h"

/* What a generated model expects of these kernels; it refuses to compile with another. */
#define EL_RUNTIME_ABI 3

/* C leaves the right shift of a negative number to the compiler. Every compiler for every
 * core we build for shifts arithmetically; one that did not would stop here. */
typedef char el_rshr_needs_an_arithmetic_right_shift[((-1 >> 1) == -1) ? 1 : -1];

/* a / 2^n, rounded half up, for n in 0..30. The caller proves that a + 2^(n-1) fits. */
static inline int32_t el_rshr(int32_t a, uint32_t n)
{
    return (a + (int32_t)((1U << n) >> 1)) >> n;
}

/* All ones where a is negative, else 0. A core that executes nothing conditionally would
 * branch where the compiler sees a comparison in this, so there it must see neither end. */
static inline int32_t el_mask(int32_t a)
{
#if EL_CORE == EL_V6M
    __asm__("" : "+l"(a));
    a >>= 31;
    __asm__("" : "+l"(a));
    return a;
#else
    return a >> 31;
#endif
}

/* The lesser of two, and the greater, whose difference fits int32. */
static inline int32_t el_min(int32_t a, int32_t b)
{
    const int32_t over = a - b;

    return b + (over & el_mask(over));
}

static inline int32_t el_max(int32_t a, int32_t b)
{
    const int32_t over = a - b;

    return a - (over & el_mask(over));
}

/* a held in int16. */
static inline int16_t el_sat16(int32_t a)
{
#if EL_CORE == EL_V6M
    /* Where a >> 15 is not all sign, a is the end that its sign tells. */
    const int32_t sign = el_mask(a);
    const int32_t outside = el_mask(-((a >> 15) ^ sign));

    return (int16_t)(a ^ ((a ^ sign ^ INT16_MAX) & outside));
#elif EL_CORE != EL_PORTABLE
    int32_t held;

    __asm__("ssat %0, #16, %1" : "=r"(held) : "r"(a));
    return (int16_t)held;
#else
    return (int16_t)((a < INT16_MIN) ? INT16_MIN : ((a > INT16_MAX) ? INT16_MAX : a));
#endif
}

/* a held in [lo, hi], lo <= hi. */
static inline int16_t el_hold(int32_t a, int16_t lo, int16_t hi)
{
#if (EL_CORE == EL_PORTABLE) || (EL_CORE == EL_V6M)
    return (int16_t)el_max(el_min(el_sat16(a), hi), lo);
#else
    __asm__("cmp %0, %1\n\tit lt\n\tmovlt %0, %1\n\t"
            "cmp %0, %2\n\tit gt\n\tmovgt %0, %2"
            : "+r"(a) : "rI"((int32_t)lo), "rI"((int32_t)hi) : "cc");
    return (int16_t)a;
#endif
}

/* to[0], to[1] = from[0], from[1]: one load and one store where a core may, aligned or not. */
static inline void el_copy2(int16_t *to, const int16_t *from)
{
#if (EL_CORE == EL_PORTABLE) || (EL_CORE == EL_V6M)
    to[0] = from[0];
    to[1] = from[1];
#else
    __builtin_memcpy(to, from, 2U * sizeof(int16_t));
#endif
}

#endif
