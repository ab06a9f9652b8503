/* SPDX-License-Identifier: 0BSD */
/* s = dt / tau: the share of its way that an Euler step goes, as mantissa and exponent.
 *
 *   s      [2 n] mantissas in 0..32767, then exponents in 0..17: s = m 2^-(15 + e)
 *   t      [2] elapsed time, as el_elapsed gives it
 *   rate   [n] mantissas of 1 / tau, at least 0
 *   shift  [n] their exponents; the sum with t[1] is at least -1
 *
 * Exact twin of exporter/ops/time_share.py. */
#ifndef EL_TIME_SHARE_H
#define EL_TIME_SHARE_H

#include <stdint.h>

#include "elegans/el_fixed.h"

/* Stores m 2^-e, with an exponent of at most 17, as share i of n. e >= 0. */
static inline void el_limited(int16_t *s, uint32_t i, uint32_t n, int32_t m, int32_t e)
{
    const int32_t over = el_upto4(e - 17);

    s[i] = (int16_t)el_rshr(m, (uint32_t)over);
    s[n + i] = (int16_t)el_min(e, 17);
}

void el_time_share(int16_t *s, const int16_t *t, const int16_t *rate, const int8_t *shift,
                   uint32_t n);

#endif
