/* SPDX-License-Identifier: 0BSD */
/* s = 1 - exp(-dt / tau): the share of its way that a leaky integrator goes in an elapsed time.
 *
 *   s      [2 n] mantissas in 0..32767, then exponents in 0..17: s = m 2^-(15 + e)
 *   t      [2] elapsed time, as el_elapsed gives it
 *   rate   [n] mantissas of 1 / tau, at least 0
 *   shift  [n] their exponents: dt / tau = rshr(rate t[0], 15) 2^-(11 + k), k = shift + t[1]
 *
 * The relative error is below 2^-12, or 2^-33 of one, however short the time is. From 16 time constants on the
 * share is the greatest, 1 - 2^-15. Exact twin of exporter/ops/decay_share.py. */
#ifndef EL_DECAY_SHARE_H
#define EL_DECAY_SHARE_H

#include <stdint.h>

void el_decay_share(int16_t *s, const int16_t *t, const int16_t *rate, const int8_t *shift,
                    uint32_t n);

#endif
