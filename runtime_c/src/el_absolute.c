/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_absolute.h"

#include "elegans/el_fixed.h"

void el_absolute(int16_t *y, const int16_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t sign = el_mask(x[i]);

        y[i] = el_sat16((x[i] ^ sign) - sign);
    }
}
