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

#include "elegans/el_lanes.h"

/* Of one element. Where the upper half is held, the lower one stays. */
static inline el_wide el_lstm_cell1(el_wide c, el_share s, el_lane i, el_lane g, uint32_t align,
                                    uint32_t most)
{
    const int16_t end = (int16_t)most;
    const el_lane lower = c.a - (c.u * 65536);
    const el_lane share = (s.m * c.u * 2) + ((s.m * lower) >> 15);
    const el_wide next = el_wide1(c.a - el_rshr1(share, s.e) + el_rshr_all(i * g, align));
    const el_lane held = el_hold1(next.u, (int16_t)-end, end);
    const el_wide y = {next.a + ((held - next.u) * 65536), held};

    return y;
}

EL_INLINE void el_lstm_cell(int16_t *y, const int16_t *c, const int16_t *s, const int16_t *i,
                            const int16_t *g, uint32_t align, uint32_t most, uint32_t n)
{
    for (uint32_t k = 0; k < n; k += EL_LANES) {
        const el_lanes on = el_lanes_on(n - k);
        const el_wide old = el_take_wide(&c[k], n, on);
        const el_share share = el_take_share(&s[k], n, on);
        const el_lane gate = el_take(&i[k], on);

        el_give_wide(&y[k], n, el_lstm_cell1(old, share, gate, el_take(&g[k], on), align, most), on);
    }
}

#endif
