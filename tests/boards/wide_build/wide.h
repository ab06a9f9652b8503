/* wide: 2 inputs, 3 neurons, 1 output; states and elapsed time have 32 bits.
 *
 *   x    Q1.15, any value         dt   Q7.24 s, any value (below 0 counts as 0)
 *   h    Q1.31, any value         y    Q1.15 */
#ifndef WIDE_MODEL_H
#define WIDE_MODEL_H

#include <stdint.h>

#define WIDE_INPUTS 2
#define WIDE_OUTPUTS 1
#define WIDE_STATES 3
#define WIDE_HAS_DT 1
#define WIDE_STATE_BITS 32
#define WIDE_DT_BITS 32

typedef struct {
    int32_t v[WIDE_STATES];
} wide_state;

void wide_init(wide_state *s);
void wide_set_h(wide_state *s, const int32_t h[WIDE_STATES]);
void wide_get_h(const wide_state *s, int32_t h[WIDE_STATES]);
void wide_step(wide_state *s, int16_t y[WIDE_OUTPUTS], const int16_t x[WIDE_INPUTS], int32_t dt);

#endif
