/* SPDX-License-Identifier: 0BSD */
/* e[i] = 2^-(a[i] * dt): the part of a state that is left after an elapsed time.
 *
 *   e      [n] Q0.15 in [0, 32767]; may be a
 *   a      [n] at least 0: a rate, in halvings for each unit of time
 *   dt     [1] at least 0
 *   shift  0..30, from the scale of a * dt to 2^-15 halvings
 *
 * e never increases with a or dt, and is within 2 units of the real function. The sum that
 * rounds a * dt is at most 2^30 + 2^29. Exact twin of exporter/ops/decay.py. */
#ifndef EL_DECAY_H
#define EL_DECAY_H

#include <stdint.h>

void el_decay(int16_t *e, const int16_t *a, const int16_t *dt, uint32_t shift, uint32_t n);

#endif
