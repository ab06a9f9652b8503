/* SPDX-License-Identifier: 0BSD */
/* What all cores with Thumb-2 (Armv7-M and later) compute by instructions of their own. */
#ifndef EL_CORE_THUMB2_H
#define EL_CORE_THUMB2_H

#include <stdint.h>

/* el_fixed.h. */
#define EL_NATIVE_SAT16
static inline int16_t el_sat16(int32_t a)
{
    int32_t held;

    __asm__("ssat %0, #16, %1" : "=r"(held) : "r"(a));
    return (int16_t)held;
}

/* el_fixed.h. */
#define EL_NATIVE_SAT16_OF
#define EL_SAT16_OF(a, n)                                                             \
    __extension__({                                                                   \
        int32_t el_held_;                                                             \
        __asm__("ssat %0, #16, %1, asr %2" : "=r"(el_held_) : "r"(a), "i"(n));        \
        (int16_t)el_held_;                                                            \
    })

/* el_lanes.h. The same without the conversion to 16 bits, which is an instruction. */
#define EL_NATIVE_SAT1
static inline int32_t el_saturated(int32_t a)
{
    int32_t held;

    __asm__("ssat %0, #16, %1" : "=r"(held) : "r"(a));
    return held;
}

/* el_lanes.h. */
#define EL_NATIVE_POSITIVE
static inline int32_t el_positive(int32_t a)
{
    int32_t held;

    __asm__("usat %0, #31, %1" : "=r"(held) : "r"(a));
    return held;
}

/* el_lanes.h. A shift leaves in the carry the bit that it shifts out last, which rounds, and the
 * carry as it is where n is 0, so it is cleared first. */
#define EL_NATIVE_ROUNDED
#define EL_ROUNDED(a, n) el_rshr(a, n)

static inline int32_t el_rounded_by(int32_t a, int32_t n)
{
    __asm__("adds %0, %0, #0\n\tasrs %0, %0, %1\n\tadc %0, %0, #0" : "+r"(a) : "r"(n) : "cc");
    return a;
}

/* el_lanes.h. */
#define EL_NATIVE_IF_NEGATIVE
static inline void el_if_negative(int32_t a, int32_t other, int32_t *m, int32_t *e)
{
    __asm__("cmp %2, #0\n\titt lt\n\tmovlt %0, %3\n\tmovlt %1, #0"
            : "+r"(*m), "+r"(*e) : "r"(a), "r"(other) : "cc");
}

/* el_fixed.h. An IT block, because a compiler may branch on a comparison, and the number of
 * instructions would depend on the data. */
#define EL_NATIVE_HOLD
static inline int16_t el_hold(int32_t a, int16_t lo, int16_t hi)
{
    __asm__("cmp %0, %1\n\tit lt\n\tmovlt %0, %1\n\t"
            "cmp %0, %2\n\tit gt\n\tmovgt %0, %2"
            : "+&r"(a) : "rI"((int32_t)lo), "rI"((int32_t)hi) : "cc");
    return (int16_t)a;
}

/* el_fixed.h. */
#define EL_NATIVE_HOLD32
static inline int32_t el_hold32(int32_t a, int32_t lo, int32_t hi)
{
    __asm__("cmp %0, %1\n\tit lt\n\tmovlt %0, %1\n\t"
            "cmp %0, %2\n\tit gt\n\tmovgt %0, %2"
            : "+&r"(a) : "r"(lo), "r"(hi) : "cc");
    return a;
}

/* el_wide.h. */
#define EL_NATIVE_GREATER
static inline int32_t el_greater(int32_t a, int32_t b)
{
    __asm__("cmp %0, %1\n\tit lt\n\tmovlt %0, %1" : "+r"(a) : "rI"(b) : "cc");
    return a;
}

static inline int32_t el_lesser(int32_t a, int32_t b)
{
    __asm__("cmp %0, %1\n\tit gt\n\tmovgt %0, %1" : "+r"(a) : "rI"(b) : "cc");
    return a;
}

/* el_fixed.h. CLZ counts the sign bit, too, and gives 32 for 0. */
#define EL_NATIVE_LEADING_ZEROS
static inline int32_t el_leading_zeros(int32_t a)
{
    int32_t zeros;

    __asm__("clz %0, %1" : "=r"(zeros) : "r"(a));
    return zeros - 1;
}

/* el_fixed.h. */
#define EL_NATIVE_UPTO
#define EL_UPTO(bits)                                           \
    static inline int32_t el_upto##bits(int32_t a)              \
    {                                                           \
        int32_t held;                                           \
                                                                \
        __asm__("usat %0, #" #bits ", %1" : "=r"(held) : "r"(a)); \
        return held;                                            \
    }

/* el_long.h. The first shift leaves the bit that rounds in the carry. */
#define EL_NATIVE_LONG_SHIFT
static inline int32_t el_long_shift(int64_t acc, uint32_t n)
{
    const uint32_t right = n - 12U;
    uint32_t lower = (uint32_t)acc << 4;

    __asm__("lsrs %0, %0, %2\n\tadc %0, %0, %1"
            : "+r"(lower) : "r"((uint32_t)((acc * 16) >> 32) << (32U - right)), "r"(right) : "cc");
    return (int32_t)lower;
}

/* el_fixed.h. One LDR and one STR, which these cores may do at any address. */
#define EL_NATIVE_COPY2
static inline void el_copy2(int16_t *to, const int16_t *from)
{
    __builtin_memmove(to, from, 2U * sizeof(int16_t));
}

#endif
