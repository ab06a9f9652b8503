/* z = W x + b + dt (R x + c), with int16 weights. Arguments, ranges and the proof that no
 * sum overflows: el_timed_linear_body.h. Exact twin of exporter/ops/timed_linear.py. */
#ifndef EL_TIMED_LINEAR_H
#define EL_TIMED_LINEAR_H

#include <stdint.h>

void el_timed_linear(int16_t *z, const int16_t *x, const int16_t *dt,
                     const int16_t *w, const int32_t *b, const int16_t *r, const int32_t *c,
                     const uint8_t *shift, uint32_t cols, uint32_t rows);

#endif
