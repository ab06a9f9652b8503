#include "elegans/el_sliding_linear8.h"

#include "elegans/el_fixed.h"

void el_sliding_linear8(int16_t *y, const int16_t *x,
                        const int8_t *w, const uint8_t *gap, const uint16_t *filter,
                        const int32_t *bias, const uint8_t *shift, uint32_t filters)
{
    for (uint32_t f = 0; f < filters; f++) {
        const uint32_t synapses = filter[0];
        /* An index: a pointer to the position after the last could leave x. */
        uint32_t position = filter[1];
        for (uint32_t left = filter[2]; left > 0; left--) {
            int32_t acc = bias[f];
            const int16_t *at = &x[position];
            for (uint32_t n = 0; n < synapses; n++) {
                at += gap[n];
                acc += (int32_t)w[n] * *at;
            }
            *y++ = el_sat16(el_rshr(acc, shift[f]));
            position += filter[3];
        }
        w += synapses;
        gap += synapses;
        filter += 4;
    }
}
