#include "elegans/el_decay_share.h"

#include "elegans/el_fixed.h"
#include "elegans/el_time_share.h"

/* With x = dt / tau in Q4.11: (1 - exp(-x)) / x in segments 0..3, where x is below 1, and
 * 1 - exp(-x) in the others. tests/exporter/ops/test_tables.py compares the numbers with
 * exporter/ops/decay_share.py. */
static const struct {
    int16_t value, slope, bend;
} curve[64] = {
    {30803, -1887, 616}, {27325, -1603, 517}, {24366, -1367, 425}, {21838, -1169, 358},
    {22130, 1333, -670}, {24483, 1038, -520}, {26316, 808, -408}, {27743, 630, -316},
    {28854, 490, -239}, {29720, 382, -190}, {30394, 297, -147}, {30919, 232, -112},
    {31328, 180, -88}, {31647, 140, -73}, {31895, 109, -57}, {32088, 85, -44},
    {32238, 66, -30}, {32355, 52, -21}, {32447, 40, -23}, {32518, 31, -20},
    {32573, 24, -12}, {32616, 19, -6}, {32650, 15, -11}, {32676, 12, -11}, {32696, 9, -4},
    {32712, 7, -3}, {32725, 5, -9}, {32734, 4, -4}, {32742, 3, -8}, {32748, 2, -7},
    {32752, 2, -3}, {32756, 2, -7}, {32758, 1, -3}, {32760, 1, -3}, {32762, 1, -3},
    {32763, 0, -4}, {32764, 0, -3}, {32765, 0, -3}, {32766, 0, -3}, {32766, 0, -3},
    {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3},
    {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3},
    {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3},
    {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3},
    {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3}, {32767, 0, -3},
};

/* The curve at z, 0..32767: a parabola around the middle of the segment of z. */
static int32_t curve_at(int32_t z)
{
    const int32_t j = (z & 511) - 256;
    const int32_t slope = curve[z >> 9].slope + el_rshr(curve[z >> 9].bend * j, 11);

    return curve[z >> 9].value + el_rshr(slope * j, 8);
}

void el_decay_share(int16_t *s, const int16_t *t, const int16_t *rate, const int8_t *shift,
                    uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const int32_t exponent = shift[i] + t[1];
        const int32_t beyond = el_mask(exponent);
        const int32_t k = exponent & ~beyond;
        const int32_t x = el_sat16(el_rshr((int32_t)rate[i] * t[0], 15)) | (beyond & INT16_MAX);
        const int32_t whole = el_min(k, 4);
        const int32_t factor = el_min((x * 16) >> whole, 32768);
        const int32_t m = el_rshr(factor * curve_at(x >> el_min(k, 15)), 15);

        el_limited(s, i, n, el_sat16(m), k - whole);
    }
}
