/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_decay_share.h"

#include "elegans/el_fixed.h"
#include "elegans/el_time_share.h"

/* With x = dt / tau: (1 - exp(-x)) / x in segments 0..3, where x is below 1, and
 * 1 - exp(-x) in the others. tests/exporter/ops/test_tables.py compares the numbers with
 * exporter/ops/decay_share.py. */
static const struct {
    int16_t value, slope, bend, unused; /* eight bytes, for a shift instead of a product */
} curve[64] = {
    {30803, -1887, 616, 0}, {27325, -1603, 517, 0}, {24366, -1367, 425, 0},
    {21838, -1169, 358, 0}, {22130, 1333, -670, 0}, {24483, 1038, -520, 0},
    {26316, 808, -408, 0}, {27743, 630, -316, 0}, {28854, 490, -239, 0}, {29720, 382, -190, 0},
    {30394, 297, -147, 0}, {30919, 232, -112, 0}, {31328, 180, -88, 0}, {31647, 140, -73, 0},
    {31895, 109, -57, 0}, {32088, 85, -44, 0}, {32238, 66, -30, 0}, {32355, 52, -21, 0},
    {32447, 40, -23, 0}, {32518, 31, -20, 0}, {32573, 24, -12, 0}, {32616, 19, -6, 0},
    {32650, 15, -11, 0}, {32676, 12, -11, 0}, {32696, 9, -4, 0}, {32712, 7, -3, 0},
    {32725, 5, -9, 0}, {32734, 4, -4, 0}, {32742, 3, -8, 0}, {32748, 2, -7, 0},
    {32752, 2, -3, 0}, {32756, 2, -7, 0}, {32758, 1, -3, 0}, {32760, 1, -3, 0},
    {32762, 1, -3, 0}, {32763, 0, -4, 0}, {32764, 0, -3, 0}, {32765, 0, -3, 0},
    {32766, 0, -3, 0}, {32766, 0, -3, 0}, {32767, 0, -3, 0}, {32767, 0, -3, 0},
    {32767, 0, -3, 0}, {32767, 0, -3, 0}, {32767, 0, -3, 0}, {32767, 0, -3, 0},
    {32767, 0, -3, 0}, {32767, 0, -3, 0}, {32767, 0, -3, 0}, {32767, 0, -3, 0},
    {32767, 0, -3, 0}, {32767, 0, -3, 0}, {32767, 0, -3, 0}, {32767, 0, -3, 0},
    {32767, 0, -3, 0}, {32767, 0, -3, 0}, {32767, 0, -3, 0}, {32767, 0, -3, 0},
    {32767, 0, -3, 0}, {32767, 0, -3, 0}, {32767, 0, -3, 0}, {32767, 0, -3, 0},
    {32767, 0, -3, 0}, {32767, 0, -3, 0},
};

/* The curve at z, x in Q4.16: a parabola around the middle of the segment of z. */
static int32_t curve_at(int32_t z)
{
    const int32_t j = (z & 16383) - 8192;
    const int32_t slope = curve[z >> 14].slope + el_rshr(curve[z >> 14].bend * j, 16);

    return curve[z >> 14].value + el_rshr(slope * j, 13);
}

void el_decay_share(int16_t *s, const int16_t *t, const int16_t *rate, const int8_t *shift,
                    uint32_t n)
{
    const int32_t mantissa = t[0];
    const int32_t exponent = t[1] + 1;

    for (uint32_t i = 0; i < n; i++) {
        const int32_t right = shift[i] + exponent;
        const int32_t beyond = el_mask(right);
        const int32_t k = right & ~beyond;
        const int32_t x = el_rshr((int32_t)rate[i] * mantissa, 15) | (beyond & INT16_MAX);
        const int32_t scaled = x * 64;
        const int32_t whole = el_min(k, 5);
        const int32_t z = el_upto20(scaled >> el_upto5(k));
        const uint32_t factor = (uint32_t)el_upto16(scaled >> whole);
        const uint32_t m = ((factor * (uint32_t)curve_at(z)) + 32768U) >> 16;

        el_limited(s, i, n, (int32_t)m, k - whole);
    }
}
