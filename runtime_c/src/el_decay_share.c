/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_decay_share.h"

/* With x = dt / tau: (1 - exp(-x)) / x in segments 0..3, where x is below 1, and
 * 1 - exp(-x) in the others. tests/exporter/ops/test_tables.py compares the numbers with
 * exporter/ops/decay_share.py. */
#define P(value, slope, bend) EL_PARABOLA(value, slope, bend, 13)
const el_parabola el_decay_share_curve[64] = {
    P(30803, -1887, 616), P(27325, -1603, 517), P(24366, -1367, 425), P(21838, -1169, 358),
    P(22130, 1333, -670), P(24483, 1038, -520), P(26316, 808, -408), P(27743, 630, -316),
    P(28854, 490, -239), P(29720, 382, -190), P(30394, 297, -147), P(30919, 232, -112),
    P(31328, 180, -88), P(31647, 140, -73), P(31895, 109, -57), P(32088, 85, -44),
    P(32238, 66, -30), P(32355, 52, -21), P(32447, 40, -23), P(32518, 31, -20),
    P(32573, 24, -12), P(32616, 19, -6), P(32650, 15, -11), P(32676, 12, -11), P(32696, 9, -4),
    P(32712, 7, -3), P(32725, 5, -9), P(32734, 4, -4), P(32742, 3, -8), P(32748, 2, -7),
    P(32752, 2, -3), P(32756, 2, -7), P(32758, 1, -3), P(32760, 1, -3), P(32762, 1, -3),
    P(32763, 0, -4), P(32764, 0, -3), P(32765, 0, -3), P(32766, 0, -3), P(32766, 0, -3),
    P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3),
    P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3),
    P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3),
    P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3),
    P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3), P(32767, 0, -3),
};

void el_decay_share(int16_t *s, const int16_t *t, const int16_t *rate, const int8_t *shift,
                    uint32_t n)
{
    for (uint32_t i = 0; i < n; i += EL_LANES) {
        const el_lanes on = el_lanes_on(n - i);
        const el_share found = el_decay_share1(t, el_take(&rate[i], on), el_take8(&shift[i], on));

        el_give_share(&s[i], n, found, on);
    }
}
