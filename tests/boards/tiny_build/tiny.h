/* tiny: 2 inputs, 3 neurons, 1 output, elapsed time. A model small enough to check by hand.
 *
 *   x    Q2.14, any value         dt   Q1.15 s, any value (below 0 counts as 0)
 *   h    Q1.15, any value         y    Q1.15 */
#ifndef TINY_MODEL_H
#define TINY_MODEL_H

#include <stdint.h>

#define TINY_INPUTS 2
#define TINY_OUTPUTS 1
#define TINY_STATES 3
#define TINY_HAS_DT 1

typedef struct {
    int16_t v[TINY_STATES];
} tiny_state;

void tiny_init(tiny_state *s);
void tiny_set_h(tiny_state *s, const int16_t h[TINY_STATES]);
const int16_t *tiny_h(const tiny_state *s);
void tiny_step(tiny_state *s, int16_t y[TINY_OUTPUTS], const int16_t x[TINY_INPUTS], int16_t dt);

#endif
