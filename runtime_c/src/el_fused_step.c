#include "elegans/el_fused_step.h"

#include "elegans/el_divide.h"

#define LARGEST (1UL << 30)

void el_fused_step(int16_t *y, const int16_t *v, const int16_t *cur, const int16_t *con,
                   const int16_t *dt, const int32_t *c, const uint8_t *k, const int16_t *lo,
                   const int16_t *hi, uint32_t frac, uint32_t n)
{
    /* Multiplied by, because C leaves the left shift of a negative number undefined. */
    const int32_t unit = (int32_t)(1U << frac);
    const int32_t elapsed = el_max(dt[0], 1);
    const int32_t passes = el_mask(-dt[0]); /* 0 if dt is 0, else -1 */

    for (uint32_t i = 0; i < n; i++) {
        const int32_t u = el_sat16(cur[i] - el_rshr((int32_t)con[i] * v[i], frac));
        const uint32_t per_dt = el_udiv((uint32_t)(c[i] + (elapsed >> 1)), (uint32_t)elapsed);
        const int32_t held = el_min((int32_t)per_dt, (int32_t)(LARGEST >> k[i]));
        const int32_t divisor = el_max((int32_t)((uint32_t)held << k[i]) + con[i], 1);
        const int32_t change = el_rdiv(u * unit, divisor) & passes;

        y[i] = el_hold(v[i] + change, lo[i], hi[i]);
    }
}
