/* SPDX-License-Identifier: 0BSD */
/* s = t or 1 - t: a gate in Q0.15 as a share, mantissa and exponent.
 *
 *   s     [2 n] mantissas in 0..32767, then exponents, which are 0
 *   t     [n] Q0.15, 0..32767
 *   keep  1: s = 1 - t; 0: s = t
 *
 * Exact twin of exporter/ops/rest_share.py. */
#ifndef EL_REST_SHARE_H
#define EL_REST_SHARE_H

#include <stdint.h>

void el_rest_share(int16_t *s, const int16_t *t, uint32_t keep, uint32_t n);

#endif
