/* SPDX-License-Identifier: 0BSD */
/* The mean of each channel of an image under a window, rounded half up.
 *
 *   y      [out_height][out_width][channels]; must not overlap x
 *   x      [height][width][channels], any value
 *   p      the image and the window of at most 2^15 pixels, of which at each position one is
 *          inside of the image
 *   below, beside  0 if a mean is over the pixels inside of the image; else 1 and the rows below
 *          and columns beside the image that count as zeros, as those before it do
 *
 * |sum| + divisor / 2 is at most 2^15 2^15 + 2^14. Exact twin of exporter/ops/mean_pool.py. */
#ifndef EL_MEAN_POOL_H
#define EL_MEAN_POOL_H

#include <stdint.h>

#include "elegans/el_window.h"

void el_mean_pool(int16_t *y, const int16_t *x, const el_window *p, uint32_t below,
                  uint32_t beside);

#endif
