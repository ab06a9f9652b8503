/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_counts.h"

#include "elegans/el_fixed.h"

void el_counts(int16_t *y, const int16_t *x, const int16_t *lo, const int16_t *hi,
    const uint8_t *left, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        /* Multiplied by, because C leaves the left shift of a negative number undefined. */
        y[i] = (int16_t)(el_hold(x[i], lo[i], hi[i]) * (int32_t)(1UL << left[i]));
    }
}
