/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_mean_pool.h"

#include "elegans/el_divide.h"
#include "elegans/el_fixed.h"

/* How many of `size` rows or columns count: those inside, or also those of the padding. */
static uint32_t el_counted(const el_extent *found, uint32_t size, uint32_t gap, uint32_t length,
                           uint32_t behind)
{
    uint32_t count = size;

    if (behind == 0U) {
        return found->end - found->first;
    }
    while (found->at + (int32_t)((count - 1U) * gap) >= (int32_t)(length + behind - 1U)) {
        count--;
    }
    return count;
}

void el_mean_pool(int16_t *y, const int16_t *x, const el_window *p, uint32_t below,
                  uint32_t beside)
{
    for (uint32_t oy = 0; oy < p->out_height; oy++) {
        const el_extent rows = el_rows_inside(p, oy);
        const uint32_t high = el_counted(&rows, p->rows, p->row_gap, p->height, below);

        for (uint32_t ox = 0; ox < p->out_width; ox++) {
            const el_extent columns = el_columns_inside(p, ox);
            const uint32_t wide = el_counted(&columns, p->columns, p->column_gap, p->width, beside);

            for (uint32_t channel = 0; channel < p->channels; channel++) {
                int32_t sum = 0;

                for (uint32_t r = rows.first; r < rows.end; r++) {
                    for (uint32_t c = columns.first; c < columns.end; c++) {
                        sum += el_pixel(x, p, &rows, &columns, r, c)[channel];
                    }
                }
                *y++ = (int16_t)el_rdiv(sum, (int32_t)(high * wide));
            }
        }
    }
}
