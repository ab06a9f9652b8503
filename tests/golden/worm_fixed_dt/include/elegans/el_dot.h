/* acc + the sum of n products w[i] x[i], the inside of a dense map, by the core; n >= 1.
 *
 * The caller proves that no sum leaves int32_t in any order of the products, and so may each
 * core take them as it does best. Words are read from where int16_t are aligned: every core
 * that takes two products an instruction can. */
#ifndef EL_DOT_H
#define EL_DOT_H

#include "elegans/el_fixed.h"

#if EL_CORE == EL_DSP

/* The word at an address that int16_t has, or int8_t. */
static inline int32_t el_word(const void *at)
{
    int32_t word;

    __builtin_memcpy(&word, at, sizeof word);
    return word;
}

/* acc + the products of both halves. */
static inline int32_t el_smlad(int32_t a, int32_t b, int32_t acc)
{
    __asm__("smlad %0, %1, %2, %0" : "+r"(acc) : "r"(a), "r"(b));
    return acc;
}

#define EL_PRODUCTS            \
    "ldr %3, [%1], #4\n\t"     \
    "ldr %4, [%2], #4\n\t"     \
    "smlad %0, %3, %4, %0\n\t"

static inline int32_t el_dot(int32_t acc, const int16_t *w, const int16_t *x, uint32_t n)
{
    int32_t weights, inputs;

    for (uint32_t left = n >> 3; left > 0; left--) {
        __asm__(EL_PRODUCTS EL_PRODUCTS EL_PRODUCTS EL_PRODUCTS
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weights), "=&r"(inputs) : : "memory");
    }
    for (uint32_t left = (n >> 1) & 3U; left > 0; left--) {
        __asm__(EL_PRODUCTS
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weights), "=&r"(inputs) : : "memory");
    }
    if ((n & 1U) != 0) {
        acc += (int32_t)w[0] * x[0];
    }
    return acc;
}

/* Bytes 0 and 2 of a word as two int16_t; bytes 1 and 3 of it turned. */
static inline int32_t el_sxtb16(int32_t word)
{
    int32_t halves;

    __asm__("sxtb16 %0, %1" : "=r"(halves) : "r"(word));
    return halves;
}

static inline int32_t el_dot8(int32_t acc, const int8_t *w, const int16_t *x, uint32_t n)
{
    for (uint32_t left = n >> 2; left > 0; left--) {
        const uint32_t x01 = (uint32_t)el_word(&x[0]);
        const uint32_t x23 = (uint32_t)el_word(&x[2]);
        const int32_t word = el_word(w);

        acc = el_smlad(el_sxtb16(word), (int32_t)((x01 & 0xFFFFU) | (x23 << 16)), acc);
        acc = el_smlad(el_sxtb16((int32_t)((uint32_t)word >> 8)),
                       (int32_t)((x01 >> 16) | (x23 & 0xFFFF0000U)), acc);
        w += 4;
        x += 4;
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
    for (uint32_t left = n & 3U; left > 0; left--) {                                       \
        __asm__(EL_PRODUCT(load_weight)                                                    \
                : "+r"(acc), "+r"(w), "+r"(x), "=&r"(weight), "=&r"(input) : : "memory");  \
    }                                                                                      \
    for (uint32_t left = n >> 2; left > 0; left--) {                                       \
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
