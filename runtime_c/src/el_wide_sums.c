/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_wide_sums.h"

#include "elegans/el_long.h"

/* A sum over upper halves and int16, and one over lower halves. */
typedef struct {
    int64_t upper;
    int64_t lower;
} el_sums;

/* The next synapses, from k on: `wide` from columns of 32 bits, then `plain` from others. */
static el_sums el_sums_of(const int16_t *x, const int16_t *w, const uint16_t *at, uint32_t cols,
                          uint32_t wide, uint32_t plain)
{
    el_sums found = {0, 0};

    for (uint32_t k = 0; k < wide; k++) {
        found.upper += (int32_t)w[k] * x[at[k]];
        found.lower += (int32_t)w[k] * x[cols + at[k]];
    }
    for (uint32_t k = wide; k < (wide + plain); k++) {
        found.upper += (int32_t)w[k] * x[at[k]];
    }
    return found;
}

void el_wide_sums(int16_t *y, const int16_t *x,
                  const int16_t *w, const uint16_t *at, const uint16_t *n, const int32_t *bias,
                  const uint8_t *shift, uint32_t cols, uint32_t rows)
{
    for (uint32_t r = 0; r < rows; r++) {
        const uint32_t first = (uint32_t)n[0] + n[1];
        const el_sums fine = el_sums_of(x, w, at, cols, n[0], n[1]);
        const el_sums coarse = el_sums_of(x, &w[first], &at[first], cols, n[2], n[3]);
        const int64_t lower = fine.lower + (coarse.lower * 32768);

        y[r] = el_long_halves(&y[rows + r],
                              bias[r] + fine.upper + (coarse.upper * 32768) + (lower >> 16),
                              shift[r]);
        w += first + n[2] + n[3];
        at += first + n[2] + n[3];
        n += 4;
    }
}
