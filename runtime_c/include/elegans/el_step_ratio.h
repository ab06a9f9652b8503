/* SPDX-License-Identifier: 0BSD */
/* r = dt / C of each neuron, once a step, for all unfolds of LTC's solver.
 *
 *   r         [3 n] mantissas in 0..32767, then two shifts that follow from the exponents s:
 *             s - 1, at most 31, and quotient - s, -20..18
 *   t         [2] elapsed time, as el_elapsed gives it
 *   rate      [n] mantissas of 1 / C, at least 0
 *   shift     [n] their exponents; s is their sum with t[1], and at least quotient - 18. Where the
 *             sum is less, the mantissa is 32767 instead: thousands of time constants
 *   quotient  19..32
 *
 * Exact twin of exporter/ops/step_ratio.py. */
#ifndef EL_STEP_RATIO_H
#define EL_STEP_RATIO_H

#include <stdint.h>

void el_step_ratio(int16_t *r, const int16_t *t, const int16_t *rate, const int8_t *shift,
                   uint32_t quotient, uint32_t n);

#endif
