/* SPDX-License-Identifier: 0BSD */
/* y = f c + i g, its upper half saturated: the cell states of an LSTM (Hochreiter and Schmidhuber
 * 1997; Gers et al. 2000), in 32 bits.
 *
 *   y      [2 n] the next cells as halves (el_wide.h); may be c
 *   c      [2 n] the cells as halves
 *   s      [2 n] what is forgotten, 1 - f: mantissas in 0..32767, then exponents in 0..17
 *   i      [n] the input gate, Q0.15
 *   g      [n] the candidate, Q0.15
 *   align  0..14, right shift from the scale of i g to that of c
 *   most   the greatest magnitude of an upper half
 *
 * most 2^16 + 2^16 + |i g| / 2^align < 2^31, which the exporter proves. Exact twin of
 * exporter/ops/lstm_cell.py. */
#ifndef EL_LSTM_CELL_H
#define EL_LSTM_CELL_H

#include <stdint.h>

#include "elegans/el_wide.h"

EL_INLINE void el_lstm_cell(int16_t *y, const int16_t *c, const int16_t *s, const int16_t *i,
                            const int16_t *g, uint32_t align, uint32_t most, uint32_t n)
{
    const int16_t end = (int16_t)most;

    for (uint32_t k = 0; k < n; k++) {
        const int32_t share = ((int32_t)s[k] * c[k] * 2) + (((int32_t)s[k] * c[n + k]) >> 15);
        const int32_t kept = el_whole(c, k, n) - el_rshr(share, (uint32_t)s[n + k]);

        el_halves(y, k, n, kept + el_rshr((int32_t)i[k] * g[k], align));
        y[k] = el_hold(y[k], (int16_t)-end, end);
    }
}

#endif
