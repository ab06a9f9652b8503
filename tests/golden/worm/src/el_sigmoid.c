#include "elegans/el_sigmoid.h"

#include "elegans/el_fixed.h"
#include "elegans/el_tanh.h"

void el_sigmoid(int16_t *y, const int16_t *z, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        y[i] = el_sat16(el_rshr(el_tanh1(z[i]) + 32768, 1));
    }
}
