/* SPDX-License-Identifier: 0BSD */
/* The greatest element of each channel of an image under a window.
 *
 *   y  [out_height][out_width][channels]; must not overlap x
 *   x  [height][width][channels], any value
 *   p  the image and the window; at each position a pixel is inside of the image, and what is
 *      outside does not count
 *
 * Exact twin of exporter/ops/max_pool.py. */
#ifndef EL_MAX_POOL_H
#define EL_MAX_POOL_H

#include <stdint.h>

#include "elegans/el_window.h"

void el_max_pool(int16_t *y, const int16_t *x, const el_window *p);

#endif
