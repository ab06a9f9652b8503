/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_convolution.h"

#include "elegans/el_convolution_runs.h"
#include "elegans/el_fixed.h"

#define EL_BLOCK 4U /* outputs that are computed together */

/* The runs of one position, as far as they are inside of the image: `lines` times `runs` of them.
 * Offsets are in elements, those of the weights without what a block adds. */
typedef struct {
    const int16_t *x;
    uint32_t lines, runs, first, n;        /* a run begins at its element `first` and has n */
    uint32_t x_line, x_run, w_line, w_run; /* from one to the next */
    uint32_t w_at;
} el_runs;

static el_runs el_runs_inside(const el_window *p, const int16_t *x, uint32_t oy, uint32_t ox,
                              uint32_t per, uint32_t together)
{
    const el_extent rows = el_rows_inside(p, oy);
    const el_extent columns = el_columns_inside(p, ox);
    const uint32_t wide = columns.end - columns.first;
    const uint32_t run = (together != 0U) ? p->columns * per : per;
    const uint32_t row = (uint32_t)p->width * p->channels;
    el_runs found;

    found.x = el_pixel(x, p, &rows, &columns, rows.first, columns.first);
    found.w_run = ((run + 1U) / 2U) * 2U * EL_BLOCK;
    found.x_line = p->row_gap * row;
    if (together != 0U) {
        found.lines = 1;
        found.runs = rows.end - rows.first;
        found.first = columns.first * per;
        found.n = wide * per;
        found.x_run = found.x_line;
        found.w_line = 0;
        found.w_at = rows.first * found.w_run;
    } else {
        found.lines = rows.end - rows.first;
        found.runs = wide;
        found.first = 0;
        found.n = per;
        found.x_run = (uint32_t)p->column_gap * p->channels;
        found.w_line = p->columns * found.w_run;
        found.w_at = rows.first * found.w_line + columns.first * found.w_run;
    }
    return found;
}

/* The four sums of a block. A run that begins inside of a pair begins with one product. */
static void el_block(int32_t acc[EL_BLOCK], const el_runs *runs, const int16_t *w,
                     const int16_t *x)
{
    const uint32_t odd = runs->first & 1U;

    w += runs->w_at + (runs->first / 2U) * 2U * EL_BLOCK;
    for (uint32_t line = 0; line < runs->lines; line++) {
        const int16_t *w_here = w + line * runs->w_line;
        const int16_t *x_here = x + line * runs->x_line;

        if (odd != 0U) {
            for (uint32_t run = 0; run < runs->runs; run++) {
                for (uint32_t k = 0; k < EL_BLOCK; k++) {
                    acc[k] += (int32_t)w_here[run * runs->w_run + 2U * k + 1U] *
                              x_here[run * runs->x_run];
                }
            }
        }
        if (runs->n > odd) {
            el_convolution_runs(acc, w_here + odd * 2U * EL_BLOCK, x_here + odd, runs->n - odd,
                                runs->runs, runs->w_run, runs->x_run);
        }
    }
}

void el_convolution(int16_t *y, const int16_t *x, const int16_t *w, const int32_t *b,
                    const uint8_t *s, const el_window *p, uint32_t outputs, uint32_t groups,
                    int32_t least, int32_t most)
{
    const uint32_t per = p->channels / groups;
    const uint32_t own = outputs / groups;
    const uint32_t together = (p->column_gap == 1U && groups == 1U) ? 1U : 0U;
    const uint32_t run = (together != 0U) ? p->columns * per : per;
    const uint32_t runs_of_all = (together != 0U) ? p->rows : (uint32_t)p->rows * p->columns;
    const uint32_t block = runs_of_all * ((run + 1U) / 2U) * 2U * EL_BLOCK;

    for (uint32_t oy = 0; oy < p->out_height; oy++) {
        for (uint32_t ox = 0; ox < p->out_width; ox++) {
            const el_runs runs = el_runs_inside(p, x, oy, ox, per, together);
            const int16_t *weights = w;

            for (uint32_t o = 0; o < outputs; o += own) {
                const int16_t *image = runs.x + (o / own) * per;

                for (uint32_t at = 0; at < own; at += EL_BLOCK) {
                    const uint32_t left = own - at;
                    const uint32_t many = (left < EL_BLOCK) ? left : EL_BLOCK;
                    int32_t acc[EL_BLOCK] = {0, 0, 0, 0};

                    el_block(acc, &runs, weights, image);
                    for (uint32_t k = 0; k < many; k++) {
                        const uint32_t output = o + at + k;
                        const int32_t sum = el_rshr(acc[k] + b[output], s[output]);

                        y[output] = el_hold(sum, (int16_t)least, (int16_t)most);
                    }
                    weights += block;
                }
            }
            y += outputs;
        }
    }
}
