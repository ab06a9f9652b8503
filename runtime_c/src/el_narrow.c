#include "elegans/el_narrow.h"

#include "elegans/el_wide.h"

void el_narrow(int16_t *y, const int16_t *x, int32_t gain, uint32_t shift, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = el_sat16(el_rshr(el_upper_product(el_whole(x, i, n), (int16_t)gain), shift));
    }
}
