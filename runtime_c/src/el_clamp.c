#include "elegans/el_clamp.h"

void el_clamp(int16_t *y, const int16_t *x, const int16_t *lo, const int16_t *hi, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int16_t v = x[i];
        if (v < lo[i]) {
            v = lo[i];
        }
        if (v > hi[i]) {
            v = hi[i];
        }
        y[i] = v;
    }
}
