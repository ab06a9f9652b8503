/* SPDX-License-Identifier: 0BSD */
/* A convolution of an image, directly from the image: nothing is copied or unrolled.
 *
 *   y        [out_height][out_width][outputs], clamped to [least, most]; must not overlap x
 *   x        [height][width][channels], any value; outside of it are zeros
 *   w        for each group, each block of four outputs and each run: the weights in the order of
 *            el_convolution_runs.h. A run is a row of the window, or a pixel of it where the pixels
 *            of a row are apart (column_gap > 1) or a group reads a part of the channels only
 *   b        [outputs] biases, at the accumulator's scale
 *   s        [outputs] shifts 0..30, from the accumulator to y
 *   p        the image and the window
 *   outputs  channels of y
 *   groups   divides the channels and the outputs: each group of outputs reads its own channels
 *
 * At every scale that the exporter chooses, sum|w| max|x| + |b| + 2^(s-1) is below 2^31, so no
 * partial sum leaves int32_t. Exact twin of exporter/ops/convolution.py. */
#ifndef EL_CONVOLUTION_H
#define EL_CONVOLUTION_H

#include <stdint.h>

#include "elegans/el_window.h"

void el_convolution(int16_t *y, const int16_t *x, const int16_t *w, const int32_t *b,
                    const uint8_t *s, const el_window *p, uint32_t outputs, uint32_t groups,
                    int32_t least, int32_t most);

#endif
