#include "wide.h"

#include <string.h>

static int16_t saturate(int32_t a)
{
    return (int16_t)(a > INT16_MAX ? INT16_MAX : a < INT16_MIN ? INT16_MIN : a);
}

void wide_init(wide_state *s)
{
    memset(s, 0, sizeof *s);
}

void wide_set_h(wide_state *s, const int32_t h[WIDE_STATES])
{
    memcpy(s->v, h, sizeof s->v);
}

void wide_get_h(const wide_state *s, int32_t h[WIDE_STATES])
{
    memcpy(h, s->v, sizeof s->v);
}

void wide_step(wide_state *s, int16_t y[WIDE_OUTPUTS], const int16_t x[WIDE_INPUTS], int32_t dt)
{
    int32_t next[WIDE_STATES], gate = dt < 0 ? 0 : dt >> 9;
    gate = gate < 32768 ? gate : 32768;
    for (int i = 0; i < WIDE_STATES; i++) {
        /* A step goes at most half of the way to the goal, so it stays between state and goal:
         * |gate * way| <= 2^15 * 65535 < 2^31. The lower half of the state is kept. */
        int32_t goal = saturate(x[i % WIDE_INPUTS] - (s->v[(i + 1) % WIDE_STATES] >> 16));
        next[i] = s->v[i] + gate * (goal - (s->v[i] >> 16));
    }
    memcpy(s->v, next, sizeof next);
    y[0] = saturate((next[0] >> 16) + (next[1] >> 16) - (next[2] >> 16));
}
