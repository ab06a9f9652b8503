#include "elegans/el_lstm_cell.h"

#include "elegans/el_fixed.h"

void el_lstm_cell(int16_t *y, const int16_t *f, const int16_t *c, const int16_t *i,
                  const int16_t *g, uint32_t align, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        const int32_t in = el_rshr((int32_t)i[k] * g[k], align);
        y[k] = el_sat16(el_rshr((int32_t)f[k] * c[k] + in, 15));
    }
}
