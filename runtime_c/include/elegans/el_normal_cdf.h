/* SPDX-License-Identifier: 0BSD */
/* y = Phi(z), the cumulative distribution function of the standard normal distribution, as
 * GELU needs it; interpolated.
 *
 *   y  [n] Q0.15 in [0, 32767]; may be z
 *   z  [n] Q2.13, any value
 *
 * Monotone, and within 2 units of Phi correctly rounded, over all 65,536 inputs. Exact
 * twin of exporter/ops/normal_cdf.py. */
#ifndef EL_NORMAL_CDF_H
#define EL_NORMAL_CDF_H

#include <stdint.h>

void el_normal_cdf(int16_t *y, const int16_t *z, uint32_t n);

#endif
