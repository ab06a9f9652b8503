/* SPDX-License-Identifier: 0BSD */
/* Copies of int16 vectors, two elements at a time. A step calls nothing of libc, whose memcpy is a
 * loop over bytes on many small targets. */
#ifndef EL_COPY_H
#define EL_COPY_H

#include <stdint.h>

#include "elegans/el_fixed.h"

/* Keeps a compiler from recognising a loop as memmove or memset and calling these. A compiler that
 * has no such statement may call them, if it is one that does so in freestanding code. */
#if defined(__GNUC__)
#define EL_KEEP_LOOP __asm__ volatile("");
#else
#define EL_KEEP_LOOP
#endif

/* to[i] = from[i] for i < n. The two may overlap if `to` begins before `from`. */
static inline void el_copy(int16_t *to, const int16_t *from, uint32_t n)
{
    uint32_t i = 0;

    for (; (i + 1U) < n; i += 2U) {
        el_copy2(&to[i], &from[i]);
        EL_KEEP_LOOP
    }
    if (i < n) {
        to[i] = from[i];
    }
}

/* The same from the last element to the first: the two may overlap if `to` begins after `from`. */
static inline void el_copy_down(int16_t *to, const int16_t *from, uint32_t n)
{
    for (; n > 1U; n -= 2U) {
        el_copy2(&to[n - 2U], &from[n - 2U]);
        EL_KEEP_LOOP
    }
    if (n > 0U) {
        to[0] = from[0];
    }
}

/* v[i] = 0 for i < n. */
static inline void el_clear(int16_t *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        v[i] = 0;
        EL_KEEP_LOOP
    }
}

#endif
