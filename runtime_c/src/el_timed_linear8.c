/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_timed_linear8.h"

#include "elegans/el_dot_parts.h"

void el_timed_linear8(int16_t *z, const int16_t *x, const int16_t *dt,
                      const int8_t *w, const int32_t *b, const int8_t *r, const int32_t *c,
                      const uint8_t *shift, const uint8_t *lift,
                      uint32_t cols, uint32_t rows, uint32_t split,
                      uint32_t still, uint32_t moving)
{
    for (uint32_t n = 0; n < rows; n++) {
        const int32_t drive = el_dot_parts(w, x, cols, split, lift[0]) * (int32_t)(1U << still);
        const int32_t speed = el_dot_parts(r, x, cols, split, lift[1]) * (int32_t)(1U << moving);
        const int32_t rate = el_rshr(c[n] + speed, 16);

        w += cols;
        r += cols;
        lift += 2;
        z[n] = el_sat16(el_rshr(b[n] + drive + rate * dt[0], shift[n]));
    }
}
