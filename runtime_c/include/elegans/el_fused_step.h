/* One unfold of LTC's fused semi-implicit solver (Hasani et al. 2021, algorithm 1):
 *
 *   y = (C v + dt I) / (C + dt G) = v + (I - G v) / (C / dt + G), clamped to [lo, hi].
 *
 *   y          [n] the next potential, with frac fractional bits; may be v, cur or con
 *   v          [n] the potential, any value
 *   cur, con   [n] current I and conductance G, each neuron's at one scale; con at least 0
 *   dt         [1] elapsed time, at least 0; with 0 the potential does not change
 *   c, k       [n] capacity: C = c 2^k at the scale of dt G, c at least 0, k in 0..30
 *   lo, hi     [n] the hull of the reversal potentials, which v does not leave in real numbers;
 *              the clamp removes the unit by which rounding may leave it
 *   frac       0..15
 *
 * I - G v saturates to int16, so its product with 2^frac, half the divisor added, is below
 * 2^31; C / dt is limited to 2^30. Two 32-bit divisions a neuron. Exact twin of
 * exporter/ops/fused_step.py. */
#ifndef EL_FUSED_STEP_H
#define EL_FUSED_STEP_H

#include <stdint.h>

void el_fused_step(int16_t *y, const int16_t *v, const int16_t *cur, const int16_t *con,
                   const int16_t *dt, const int32_t *c, const uint8_t *k, const int16_t *lo,
                   const int16_t *hi, uint32_t frac, uint32_t n);

#endif
