#include "elegans/el_fused_step.h"

#include "elegans/el_divide.h"
#include "elegans/el_wide.h"

void el_fused_step(int16_t *y, const int16_t *v, const int16_t *cur, const int16_t *con,
                   const int16_t *r, const int16_t *lo, const int16_t *hi, uint32_t frac,
                   uint32_t up, uint32_t one, uint32_t n)
{
    /* Multiplied by, because C leaves the left shift of a negative number undefined. */
    const int32_t unit = (int32_t)(1U << frac);
    const int32_t more = (int32_t)(1U << up);
    const int32_t whole = (int32_t)(2U << one) + 1;
    const int16_t *s = &r[n];
    const int16_t *left = &r[2U * n];
    const int16_t *right = &r[3U * n];

    for (uint32_t i = 0; i < n; i++) {
        const int32_t g = con[i];
        const int32_t held = el_hold32(cur[i] * unit, lo[i] * g, hi[i] * g);
        const int32_t product = el_upper_product((held - (g * v[i])) * more, r[i]);
        const int32_t q = el_rdiv(product, (((r[i] * g) >> s[i]) + whole) >> 1);
        const uint32_t change = (uint32_t)el_rshr(q, (uint32_t)right[i]) << left[i];

        el_halves(y, i, n, (int32_t)((uint32_t)el_whole(v, i, n) + change));
    }
}
