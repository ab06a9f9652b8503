/* y = W x + b, every weight stored, with int16 weights. Arguments, ranges and the proof that
 * no sum overflows: el_linear_body.h. Exact twin of exporter/ops/linear.py. */
#ifndef EL_LINEAR_H
#define EL_LINEAR_H

#include <stdint.h>

void el_linear(int16_t *y, const int16_t *x,
               const int16_t *w, const int32_t *bias, const uint8_t *shift,
               uint32_t cols, uint32_t rows);

#endif
