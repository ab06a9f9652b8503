/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_normalise.h"

#include "elegans/el_divide.h"
#include "elegans/el_fixed.h"

/* a 2^left, which the caller proves to fit. */
static int32_t el_raised(int32_t a, int32_t left)
{
    return (int32_t)((uint32_t)a << left);
}

/* The root of t in 2^28..2^30 - 1, rounded. */
static int32_t el_root(int32_t t)
{
    int32_t r = 0;

    for (int32_t bit = 1 << 14; bit > 0; bit >>= 1) {
        const int32_t tried = r + bit;

        r += bit & ~el_mask(t - (tried * tried));
    }
    return r - el_mask(r - (t - (r * r)));
}

void el_normalise(int16_t *y, const int16_t *x, const int32_t *epsilon, int32_t centre,
                  int32_t most, uint32_t halvings, int32_t gain, int32_t shift, uint32_t n)
{
    int32_t sum = 0;
    int32_t far = 0;
    int32_t t = 0;
    int32_t k = 0;

    for (uint32_t i = 0; i < n; i++) {
        sum += x[i] * centre;
    }
    for (uint32_t i = 0; i < n; i++) {
        const int32_t d = ((int32_t)n * x[i]) - sum;

        far = el_max(far, (d ^ el_mask(d)) - el_mask(d));
    }
    const int32_t zeros = el_max(el_min(el_leading_zeros(far), most), 1);

    for (uint32_t i = 0; i < n; i++) {
        const int32_t u = el_rshr(el_raised(((int32_t)n * x[i]) - sum, zeros - 1), 15);

        t += el_rshr(u * u, halvings);
    }
    t = el_max(el_min(t + epsilon[zeros], (1 << 30) - 1), 1);
    for (int32_t step = 8; step > 0; step >>= 1) {
        const int32_t empty = el_mask((t >> (30 - (2 * step))) - 1) & step;

        t = el_raised(t, 2 * empty);
        k += empty;
    }
    const int32_t r = el_root(t);
    const int32_t right = el_max(shift - k, 0);
    const int32_t up = el_max(k - shift, 0);

    for (uint32_t i = 0; i < n; i++) {
        const int32_t u = el_rshr(el_raised(((int32_t)n * x[i]) - sum, zeros - 1), 15);

        y[i] = el_sat16(el_rdiv(el_raised(el_rshr(u * gain, (uint32_t)right), up), r));
    }
}
