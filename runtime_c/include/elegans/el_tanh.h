/* y = tanh(z), from one odd table of 64 parabolas.
 *
 *   y  [n] Q0.15 in [-32766, 32766]; may be z
 *   z  [n] 8/5 of the argument in Q3.12, any value
 *
 * Odd, monotone, and within 2 units of tanh correctly rounded, over all 65,536 inputs; no
 * branch and no sign to restore. Exact twin of exporter/ops/tanh.py. */
#ifndef EL_TANH_H
#define EL_TANH_H

#include <stdint.h>

#include "elegans/el_fixed.h"

/* For z = 1024 i + j, j in -512..511, and J = 64 j: value + ((slope + bend J) J >> 16) is tanh
 * in Q0.31, with the half unit that rounds it to Q0.15. bend is the lower half of slope, as
 * int16_t, so that a core has all three in two words. */
typedef struct {
    int32_t value;
    int32_t slope;
} el_piece;

/* Segments -32..31. */
extern const el_piece el_tanh_pieces[64];

/* What tanh is looked up with: z and half a segment, held in int16. */
static inline int16_t el_half_segment_on(int32_t z)
{
    return el_sat16(z + 512);
}

/* tanh in Q0.31, rounding added: >> 16 is tanh in Q0.15. The sums fit int32_t for each of
 * the 65,536 arguments. */
static inline int32_t el_fine_tanh(int16_t u)
{
    const el_piece *p = &el_tanh_pieces[(u >> 10) + 32];
#if (EL_CORE == EL_DSP) || (EL_CORE == EL_MVE)
    const uint32_t j = ((uint32_t)u << 22) + 0x80000000U; /* J, in the upper half */
    int32_t y;

    __asm__("smlabt %0, %1, %2, %1\n\tsmlawt %0, %0, %2, %3"
            : "=&r"(y) : "r"(p->slope), "r"(j), "r"(p->value));
    return y;
#else
    const int32_t j = ((u & 1023) - 512) * 64;
    const int32_t slope = p->slope + ((int16_t)(p->slope & 0xFFFF) * j);

    return p->value + ((slope >> 16) * j) + (((slope & 0xFFFF) * j) >> 16);
#endif
}

void el_tanh(int16_t *y, const int16_t *z, uint32_t n);

#endif
