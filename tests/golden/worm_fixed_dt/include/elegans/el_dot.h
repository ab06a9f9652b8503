/* acc + the sum of n products w[i] x[i], the inside of a dense map, by the core; n >= 1.
 *
 * The caller proves that no sum leaves int32_t in any order of the products, and so may each
 * core take them as it does best. Words are read from where int16_t are aligned: every core
 * that takes two products an instruction can. */
#ifndef EL_DOT_H
#define EL_DOT_H

#include "elegans/el_fixed.h"

/* Whether products are taken several at a time: not where the compiler is asked for size. */
#ifdef __OPTIMIZE_SIZE__
#define EL_UNROLLED 0
#else
#define EL_UNROLLED 1
#endif

#if EL_CORE == EL_DSP

#define EL_PRODUCTS            \
    "ldr %3, [%1], #4\n\t"     \
    "ldr %4, [%2], #4\n\t"     \
    "smlad %0, %3, %4, %0\n\t"

static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    int32_t weights, inputs;

    for (uint32_t left = EL_UNROLLED ? (n >> 3) : 0U; left > 0; left--) {
        __asm__(EL_PRODUCTS EL_PRODUCTS EL_PRODUCTS EL_PRODUCTS
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weights), "=&r"(inputs) : : "memory");
    }
    for (uint32_t left = EL_UNROLLED ? ((n >> 1) & 3U) : (n >> 1); left > 0; left--) {
        __asm__(EL_PRODUCTS
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weights), "=&r"(inputs) : : "memory");
    }
    if ((n & 1U) != 0) {
        acc += (int32_t)w[0] * x[0];
    }
    return acc;
}

/* Weights 0 and 2, which SXTB16 takes out of a word, by inputs 0 and 2; then 1 and 3. */
static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    int32_t weights, x01, x23, even;

    for (uint32_t left = n >> 2; left > 0; left--) {
        __asm__("ldr %3, [%1], #4\n\t"
                "ldr %4, [%2], #4\n\t"
                "ldr %5, [%2], #4\n\t"
                "pkhbt %6, %4, %5, lsl #16\n\t"
                "pkhtb %5, %5, %4, asr #16\n\t"
                "sxtb16 %4, %3\n\t"
                "smlad %0, %4, %6, %0\n\t"
                "sxtb16 %4, %3, ror #8\n\t"
                "smlad %0, %4, %5, %0"
                : "+r"(acc), "+r"(w), "+r"(x),
                  "=&r"(weights), "=&r"(x01), "=&r"(x23), "=&r"(even) : : "memory");
    }
    for (uint32_t left = n & 3U; left > 0; left--) {
        acc += (int32_t)*w++ * *x++;
    }
    return acc;
}

#elif EL_CORE == EL_MVE

/* "l", because VLDRB widens from a low register only. */
#define EL_DOT_OF_EIGHT(load_weights)         \
    __asm__("dlstp.16 lr, %3\n"               \
            "1:\n\t"                          \
            load_weights "\n\t"               \
            "vldrh.u16 q1, [%2], #16\n\t"     \
            "vmladava.s16 %0, q0, q1\n\t"     \
            "letp lr, 1b"                     \
            : "+Te"(acc), "+l"(w), "+r"(x)    \
            : "r"(n)                          \
            : "q0", "q1", "lr", "memory")

static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    EL_DOT_OF_EIGHT("vldrh.u16 q0, [%1], #16");
    return acc;
}

static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    EL_DOT_OF_EIGHT("vldrb.s16 q0, [%1], #8");
    return acc;
}

#elif EL_CORE == EL_V7M

#define EL_PRODUCT(load_weight)      \
    load_weight "\n\t"               \
    "ldrsh %4, [%2], #2\n\t"         \
    "mla %0, %3, %4, %0\n\t"

/* A product at a time until four at a time are left. */
#define EL_DOT_BY_FOUR(load_weight)                                                        \
    int32_t weight, input;                                                                 \
    for (uint32_t left = EL_UNROLLED ? (n & 3U) : n; left > 0; left--) {                   \
        __asm__(EL_PRODUCT(load_weight)                                                    \
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weight), "=&r"(input) : : "memory");  \
    }                                                                                      \
    for (uint32_t left = EL_UNROLLED ? (n >> 2) : 0U; left > 0; left--) {                  \
        __asm__(EL_PRODUCT(load_weight) EL_PRODUCT(load_weight)                            \
                EL_PRODUCT(load_weight) EL_PRODUCT(load_weight)                            \
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weight), "=&r"(input) : : "memory");  \
    }                                                                                      \
    return acc

static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    EL_DOT_BY_FOUR("ldrsh %3, [%1], #2");
}

static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    EL_DOT_BY_FOUR("ldrsb %3, [%1], #1");
}

#elif EL_CORE == EL_V6M

/* Both arrays by one index that ends at zero, which is the loop's counter too. */
static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    int32_t at = -2 * (int32_t)n;
    int32_t weight, input;

    w += n;
    x += n;
    __asm__(".syntax unified\n"
            "1:\n\t"
            "ldrsh %2, [%4, %1]\n\t"
            "ldrsh %3, [%5, %1]\n\t"
            "muls %2, %3, %2\n\t"
            "adds %0, %0, %2\n\t"
            "adds %1, %1, #2\n\t"
            "bne 1b"
            : "+l"(acc), "+l"(at), "=&l"(weight), "=&l"(input)
            : "l"(w), "l"(x)
            : "cc", "memory");
    return acc;
}

static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    int32_t at = -(int32_t)n;
    int32_t weight, input;

    w += n;
    __asm__(".syntax unified\n"
            "1:\n\t"
            "ldrsb %2, [%5, %1]\n\t"
            "movs %3, #0\n\t"
            "ldrsh %3, [%4, %3]\n\t"
            "muls %2, %3, %2\n\t"
            "adds %0, %0, %2\n\t"
            "adds %4, %4, #2\n\t"
            "adds %1, %1, #1\n\t"
            "bne 1b"
            : "+l"(acc), "+l"(at), "=&l"(weight), "=&l"(input), "+l"(x)
            : "l"(w)
            : "cc", "memory");
    return acc;
}

#else

static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        acc += (int32_t)w[i] * x[i];
    }
    return acc;
}

static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        acc += (int32_t)w[i] * x[i];
    }
    return acc;
}

#endif

#endif
