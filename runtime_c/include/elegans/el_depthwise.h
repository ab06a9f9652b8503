/* SPDX-License-Identifier: 0BSD */
/* Each channel of an image convolved by itself, directly from the image.
 *
 *   y  [out_height][out_width][channels], clamped to [least, most]; must not overlap x
 *   x  [height][width][channels], any value; outside of it are zeros
 *   w  [rows][columns][channels]
 *   b  [channels] biases, at the accumulator's scale
 *   s  [channels] shifts 0..30, from the accumulator to y
 *   p  the image and the window
 *
 * sum|w| max|x| + |b| + 2^(s-1) is below 2^31, so no partial sum leaves int32_t.
 * Exact twin of exporter/ops/depthwise.py. */
#ifndef EL_DEPTHWISE_H
#define EL_DEPTHWISE_H

#include <stdint.h>

#include "elegans/el_window.h"

void el_depthwise(int16_t *y, const int16_t *x, const int16_t *w, const int32_t *b,
                  const uint8_t *s, const el_window *p, int32_t least, int32_t most);

#endif
