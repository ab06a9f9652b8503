/* SPDX-License-Identifier: 0BSD */
/* s = sigmoid(-a): what a gate leaves open, with its digits where the gate is almost closed.
 *
 *   s  [2 n] mantissas in 0..32767, then exponents in 0..17: s = m 2^-(15 + e)
 *   z  [n] a log2(e) in Q5.10, any value
 *
 * Exact twin of exporter/ops/gate_share.py. */
#ifndef EL_GATE_SHARE_H
#define EL_GATE_SHARE_H

#include <stdint.h>

void el_gate_share(int16_t *s, const int16_t *z, uint32_t n);

#endif
