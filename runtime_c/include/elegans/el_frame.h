/* SPDX-License-Identifier: 0BSD */
/* An image from outside: clamped, brought to the format of its channel, channels last.
 *
 *   y         [pixels][channels]; must not overlap x
 *   x         [channels][pixels] if planar is not 0, else [pixels][channels]; any value
 *   c         [channels][3] of each channel: the least value, the greatest, the gain
 *   b         [channels] offsets, at the scale of gain * x
 *   s         [channels] shifts 0..30, from there to y
 *
 * |gain| 2^15 + |b| + 2^(s-1) is below 2^31. Exact twin of exporter/ops/frame.py. */
#ifndef EL_FRAME_H
#define EL_FRAME_H

#include <stdint.h>

void el_frame(int16_t *y, const int16_t *x, const int16_t *c, const int32_t *b, const uint8_t *s,
              uint32_t channels, uint32_t pixels, uint32_t planar);

#endif
