/* SPDX-License-Identifier: 0BSD */
/* A window that slides over an image: what convolutions and pools have in common.
 *
 * An image is height x width x channels int16_t, channels last: the channels of a pixel lie side
 * by side. Everything here depends on the window's position only, never on the data.
 *
 * Exact twin of exporter/numbers/sliding_window.py. */
#ifndef EL_WINDOW_H
#define EL_WINDOW_H

#include <stdint.h>

typedef struct {
    uint16_t height, width, channels;    /* of the image */
    uint16_t rows, columns;              /* of the window */
    uint16_t down, right;                /* pixels from one position to the next */
    uint16_t row_gap, column_gap;        /* pixels from one row or column of the window to the next */
    uint16_t top, left;                  /* padding before the image */
    uint16_t out_height, out_width;      /* positions of the window */
} el_window;

/* What of `size` rows (or columns) of a window, each `gap` from the one before, is inside of an
 * image of `length`: those from `first` to `end`, exclusive. */
typedef struct {
    int32_t at; /* where the first row of the window is, inside or not */
    uint32_t first, end;
} el_extent;

static inline el_extent el_inside(uint32_t position, uint32_t stride, uint32_t before,
                                  uint32_t size, uint32_t gap, uint32_t length)
{
    el_extent found;

    found.at = (int32_t)(position * stride) - (int32_t)before;
    found.first = 0;
    while (found.first < size && found.at + (int32_t)(found.first * gap) < 0) {
        found.first++;
    }
    found.end = size;
    while (found.end > found.first &&
           found.at + (int32_t)((found.end - 1U) * gap) >= (int32_t)length) {
        found.end--;
    }
    return found;
}

static inline el_extent el_rows_inside(const el_window *p, uint32_t oy)
{
    return el_inside(oy, p->down, p->top, p->rows, p->row_gap, p->height);
}

static inline el_extent el_columns_inside(const el_window *p, uint32_t ox)
{
    return el_inside(ox, p->right, p->left, p->columns, p->column_gap, p->width);
}

/* The pixel under row r and column c of the window, which are inside. */
static inline const int16_t *el_pixel(const int16_t *x, const el_window *p, const el_extent *rows,
                                      const el_extent *columns, uint32_t r, uint32_t c)
{
    const uint32_t row = (uint32_t)(rows->at + (int32_t)(r * p->row_gap));
    const uint32_t column = (uint32_t)(columns->at + (int32_t)(c * p->column_gap));

    return &x[(row * p->width + column) * p->channels];
}

#endif
