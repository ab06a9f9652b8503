/* y = sigmoid(z) = (1 + tanh(z/2)) / 2, from tanh's table.
 *
 *   y  [n] Q0.15 in [0, 32767]; may be z
 *   z  [n] Q4.11, any value; read as Q3.12 the same integer is z/2
 *
 * Monotone. Exact twin of exporter/ops/sigmoid.py. */
#ifndef EL_SIGMOID_H
#define EL_SIGMOID_H

#include <stdint.h>

void el_sigmoid(int16_t *y, const int16_t *z, uint32_t n);

#endif
