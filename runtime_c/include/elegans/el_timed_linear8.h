/* z = W x + b + dt (R x + c), with int8 weights. Arguments, ranges and the proof that no sum
 * overflows: el_timed_linear_body.h. Exact twin of exporter/ops/timed_linear8.py. */
#ifndef EL_TIMED_LINEAR8_H
#define EL_TIMED_LINEAR8_H

#include <stdint.h>

void el_timed_linear8(int16_t *z, const int16_t *x, const int16_t *dt,
                      const int8_t *w, const int32_t *b, const int8_t *r, const int32_t *c,
                      const uint8_t *shift, uint32_t cols, uint32_t rows);

#endif
