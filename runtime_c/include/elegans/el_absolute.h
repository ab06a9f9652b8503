/* SPDX-License-Identifier: 0BSD */
/* y[i] = |x[i]|.
 *
 *   y  [n] the scale of x, in [0, 32767]; may be x
 *   x  [n] any value; |-32768| does not fit int16_t and saturates to 32767
 *
 * Exact twin of exporter/ops/absolute.py. */
#ifndef EL_ABSOLUTE_H
#define EL_ABSOLUTE_H

#include <stdint.h>

void el_absolute(int16_t *y, const int16_t *x, uint32_t n);

#endif
