/* h[i] = f[i] + t[i] * g[i], rounded half up: the CfC state without the complementary gate.
 *
 *   h        [n] Q1.14; may be any of f, g and t
 *   f, g     [n] Q0.15
 *   t        [n] Q0.15 in [0, 32767]
 *
 * -2^31 + 2^15 <= f 2^15 + t g, and f 2^15 + t g + 2^15 < 2^31, so int32_t is enough.
 * Exact twin of exporter/ops/gated_sum.py. */
#ifndef EL_GATED_SUM_H
#define EL_GATED_SUM_H

#include <stdint.h>

void el_gated_sum(int16_t *h, const int16_t *f, const int16_t *g, const int16_t *t, uint32_t n);

#endif
