#include "elegans/el_fused_step.h"

#include "elegans/el_fixed.h"

#define LARGEST (1UL << 30)

void el_fused_step(int16_t *y, const int16_t *v, const int16_t *cur, const int16_t *con,
                   const int16_t *dt, const int32_t *c, const uint8_t *k, const int16_t *lo,
                   const int16_t *hi, uint32_t frac, uint32_t n)
{
    /* A product, because C leaves the left shift of a negative number undefined. */
    const int32_t unit = (int32_t)(1U << frac);
    const uint32_t elapsed = (dt[0] < 1) ? 1U : (uint32_t)dt[0];

    for (uint32_t i = 0; i < n; i++) {
        const int32_t u = el_sat16(cur[i] - el_rshr((int32_t)con[i] * v[i], frac));
        const uint32_t most = (uint32_t)(LARGEST >> k[i]);
        uint32_t held = ((uint32_t)c[i] + (elapsed >> 1)) / elapsed;
        if (held > most) {
            held = most;
        }
        int32_t divisor = (int32_t)(held << k[i]) + con[i];
        if (divisor < 1) {
            divisor = 1;
        }
        const int32_t change = (dt[0] < 1) ? 0 : el_rdiv(u * unit, divisor);
        y[i] = el_hold(v[i] + change, lo[i], hi[i]);
    }
}
