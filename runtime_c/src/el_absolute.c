#include "elegans/el_absolute.h"

#include "elegans/el_fixed.h"

void el_absolute(int16_t *y, const int16_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = (x[i] < 0) ? el_sat16(-(int32_t)x[i]) : x[i];
    }
}
