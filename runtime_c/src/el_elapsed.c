#include "elegans/el_elapsed.h"

#include "elegans/el_fixed.h"

void el_elapsed(int16_t *t, int32_t dt, int32_t lo, int32_t hi)
{
    /* dt >= 0 first, because hi - dt must fit. */
    const int32_t after = dt & ~el_mask(dt);
    int32_t held = el_max(el_min(after, hi), lo);
    int32_t zeros = 0;

    for (int32_t step = 16; step > 0; step >>= 1) {
        const int32_t empty = el_mask((held >> (31 - step)) - 1); /* -1 if the bits are 0 */
        held = (int32_t)((uint32_t)held << (step & empty));
        zeros += step & empty;
    }
    t[0] = (int16_t)(held >> 16);
    t[1] = (int16_t)zeros;
}
