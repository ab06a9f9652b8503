/* One unfold of LTC's fused semi-implicit solver (Hasani et al. 2021, algorithm 1), its potentials
 * in 32 bits:
 *
 *   y = (C v + dt I) / (C + dt G) = v + (I - G v) r / (1 + r G),  r = dt / C.
 *
 *   y         [2 n] the next potentials as halves (el_wide.h); may be v
 *   v         [2 n] the potentials as halves, upper ones with frac fractional bits
 *   cur, con  [n] current I and conductance G, each neuron's at one scale; con at least 0
 *   r         [4 n] ratios: m, s - 1, left, right of el_step_ratio
 *   lo, hi    [n] the hull of the reversal potentials: I is held between lo G and hi G, so v does
 *             not leave it but by rounding
 *   frac      0..15
 *   up        0..14, the bits by which I - G v is shifted up
 *   one       1..14, the fractional bits of 1 + r G
 *
 * One 32-bit division a neuron. Why nothing overflows, and why the sum with v may be taken modulo
 * 2^32, is said in exporter/ops/fused_step.py, the exact twin. */
#ifndef EL_FUSED_STEP_H
#define EL_FUSED_STEP_H

#include <stdint.h>

void el_fused_step(int16_t *y, const int16_t *v, const int16_t *cur, const int16_t *con,
                   const int16_t *r, const int16_t *lo, const int16_t *hi, uint32_t frac,
                   uint32_t up, uint32_t one, uint32_t n);

#endif
