/* y[i] = f[i] * c[i] + i[i] * g[i], saturated: the cell state of an LSTM (Hochreiter and
 * Schmidhuber 1997; Gers et al. 2000).
 *
 *   y      [n] the scale of c; may be any input
 *   f, i   [n] the forget and the input gate, Q0.15
 *   c      [n] the cell state before
 *   g      [n] the candidate, Q0.15
 *   align  0..15, right shift from g's scale to c's
 *
 * |f c| + |i g| / 2^align + rounding < 2^31: each product is at most 2^30, and the exporter
 * proves their sum. Exact twin of exporter/ops/lstm_cell.py. */
#ifndef EL_LSTM_CELL_H
#define EL_LSTM_CELL_H

#include <stdint.h>

void el_lstm_cell(int16_t *y, const int16_t *f, const int16_t *c, const int16_t *i,
                  const int16_t *g, uint32_t align, uint32_t n);

#endif
