#include "elegans/el_relu.h"

#include "elegans/el_fixed.h"

void el_relu(int16_t *y, const int16_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = el_hold(x[i], 0, INT16_MAX);
    }
}
