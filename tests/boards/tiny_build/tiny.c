#include "tiny.h"

#include <string.h>

#include "elegans/el_blend.h"

static const int16_t from_input[TINY_STATES][TINY_INPUTS] = {
    {9000, -4000}, {-7000, 12000}, {3000, 3000}};
static const int16_t from_neighbour[TINY_STATES] = {5000, -11000, 8000};
static const int16_t rate[TINY_STATES] = {20000, 9000, 31000};

static int16_t saturate(int32_t a)
{
    return (int16_t)(a > INT16_MAX ? INT16_MAX : a < INT16_MIN ? INT16_MIN : a);
}

void tiny_init(tiny_state *s)
{
    memset(s, 0, sizeof *s);
}

void tiny_set_h(tiny_state *s, const int16_t h[TINY_STATES])
{
    memcpy(s->v, h, sizeof s->v);
}

const int16_t *tiny_h(const tiny_state *s)
{
    return s->v;
}

void tiny_step(tiny_state *s, int16_t y[TINY_OUTPUTS], const int16_t x[TINY_INPUTS], int16_t dt)
{
    int16_t next[TINY_STATES];
    for (int i = 0; i < TINY_STATES; i++) {
        /* Three products below 2^29 and a rounding constant: below 2^31. */
        int32_t sum = from_input[i][0] * x[0] + from_input[i][1] * x[1] +
                      from_neighbour[i] * s->v[(i + 1) % TINY_STATES] + (1 << 13);
        int32_t gate = ((dt > 0 ? dt : 0) * rate[i]) >> 11;
        next[i] = el_blend(s->v[i], saturate(sum >> 14), gate < 32768 ? gate : 32768);
    }
    memcpy(s->v, next, sizeof next);
    y[0] = saturate(next[0] + next[1] - next[2]);
}
