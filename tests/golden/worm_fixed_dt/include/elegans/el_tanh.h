/* y = tanh(z), from one odd table of 257 entries, interpolated.
 *
 *   y  [n] Q0.15 in [-32767, 32767]; may be z
 *   z  [n] Q3.12, any value
 *
 * Odd, monotone, and within 2 units of tanh correctly rounded, over all 65,536 inputs.
 * Exact twin of exporter/ops/tanh.py. */
#ifndef EL_TANH_H
#define EL_TANH_H

#include <stdint.h>

/* tanh(k / 32) in Q0.15, lifted by half of what a chord falls short of the curve. */
extern const int16_t el_tanh_table[257];

/* One value. */
int16_t el_tanh1(int16_t z);

void el_tanh(int16_t *y, const int16_t *z, uint32_t n);

#endif
