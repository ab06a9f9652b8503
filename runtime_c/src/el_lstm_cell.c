#include "elegans/el_lstm_cell.h"

#include "elegans/el_wide.h"

void el_lstm_cell(int16_t *y, const int16_t *c, const int16_t *f, const int16_t *i,
                  const int16_t *g, uint32_t align, uint32_t most, uint32_t n)
{
    const int16_t end = (int16_t)most;

    for (uint32_t k = 0; k < n; k++) {
        const int32_t kept = ((int32_t)f[k] * c[k] * 2) + el_rshr((int32_t)f[k] * c[n + k], 15);
        const int32_t sum = kept + el_rshr((int32_t)i[k] * g[k], align);

        el_halves(y, k, n, sum);
        y[k] = el_hold(y[k], (int16_t)-end, end);
    }
}
