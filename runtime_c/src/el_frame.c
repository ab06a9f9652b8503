/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_frame.h"

#include "elegans/el_fixed.h"

void el_frame(int16_t *y, const int16_t *x, const int16_t *c, const int32_t *b, const uint8_t *s,
              uint32_t channels, uint32_t pixels, uint32_t planar)
{
    for (uint32_t channel = 0; channel < channels; channel++) {
        const int16_t *from = x + channel * ((planar != 0U) ? pixels : 1U);
        const uint32_t step = (planar != 0U) ? 1U : channels;
        const int16_t least = c[3U * channel], most = c[3U * channel + 1U];
        const int32_t gain = c[3U * channel + 2U], offset = b[channel];
        const uint32_t shift = s[channel];
        int16_t *to = y + channel;

        for (uint32_t pixel = 0; pixel < pixels; pixel++) {
            *to = el_sat16(el_rshr(gain * el_hold(*from, least, most) + offset, shift));
            from += step;
            to += channels;
        }
    }
}
