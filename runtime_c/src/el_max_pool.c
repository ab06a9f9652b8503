/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_max_pool.h"

#include "elegans/el_fixed.h"

void el_max_pool(int16_t *y, const int16_t *x, const el_window *p)
{
    for (uint32_t oy = 0; oy < p->out_height; oy++) {
        const el_extent rows = el_rows_inside(p, oy);

        for (uint32_t ox = 0; ox < p->out_width; ox++) {
            const el_extent columns = el_columns_inside(p, ox);

            for (uint32_t channel = 0; channel < p->channels; channel++) {
                int32_t greatest = INT16_MIN;

                for (uint32_t r = rows.first; r < rows.end; r++) {
                    for (uint32_t c = columns.first; c < columns.end; c++) {
                        const int16_t *pixel = el_pixel(x, p, &rows, &columns, r, c);

                        greatest = el_max(greatest, pixel[channel]);
                    }
                }
                *y++ = (int16_t)greatest;
            }
        }
    }
}
