/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_quotient.h"

#include "elegans/el_divide.h"

void el_quotient(int16_t *y, const int16_t *num, const int16_t *den, const int16_t *lo,
                 const int16_t *hi, uint32_t frac, uint32_t n)
{
    /* Multiplied by, because C leaves the left shift of a negative number undefined. */
    const int32_t unit = (int32_t)(1U << frac);

    for (uint32_t i = 0; i < n; i++) {
        y[i] = el_hold(el_rdiv(num[i] * unit, el_max(den[i], 1)), lo[i], hi[i]);
    }
}
