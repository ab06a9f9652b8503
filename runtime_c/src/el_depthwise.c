/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_depthwise.h"

#include "elegans/el_fixed.h"

/* The sum of one channel, of which x and w begin at the first pixel inside. */
static int32_t el_sum_of_channel(int32_t acc, const int16_t *x, const int16_t *w,
                                 const el_window *p, uint32_t rows, uint32_t columns)
{
    const uint32_t x_line = (uint32_t)p->row_gap * p->width * p->channels;
    const uint32_t w_line = (uint32_t)p->columns * p->channels;
    const uint32_t step = (uint32_t)p->column_gap * p->channels;

    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t column = 0; column < columns; column++) {
            acc += (int32_t)w[row * w_line + column * p->channels] *
                   x[row * x_line + column * step];
        }
    }
    return acc;
}

void el_depthwise(int16_t *y, const int16_t *x, const int16_t *w, const int32_t *b,
                  const uint8_t *s, const el_window *p, int32_t least, int32_t most)
{
    for (uint32_t oy = 0; oy < p->out_height; oy++) {
        const el_extent rows = el_rows_inside(p, oy);

        for (uint32_t ox = 0; ox < p->out_width; ox++) {
            const el_extent columns = el_columns_inside(p, ox);
            const int16_t *image = el_pixel(x, p, &rows, &columns, rows.first, columns.first);
            const int16_t *weights =
                w + (rows.first * p->columns + columns.first) * p->channels;

            for (uint32_t channel = 0; channel < p->channels; channel++) {
                const int32_t sum =
                    el_sum_of_channel(b[channel], image + channel, weights + channel, p,
                                      rows.end - rows.first, columns.end - columns.first);

                *y++ = el_hold(el_rshr(sum, s[channel]), (int16_t)least, (int16_t)most);
            }
        }
    }
}
