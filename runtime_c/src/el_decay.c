/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_decay.h"

#include "elegans/el_fixed.h"

/* 2^-(k / 128) in Q0.15, for k = 0..128. tests/exporter/ops/test_tables.py derives these
 * numbers again and compares. */
static const uint16_t halving_table[129] = {
    32768, 32591, 32415, 32240, 32066, 31893, 31720, 31549, 31379, 31209, 31041, 30873,
    30706, 30541, 30376, 30212, 30048, 29886, 29725, 29564, 29405, 29246, 29088, 28931,
    28774, 28619, 28464, 28311, 28158, 28006, 27855, 27704, 27554, 27406, 27258, 27110,
    26964, 26818, 26674, 26530, 26386, 26244, 26102, 25961, 25821, 25681, 25543, 25405,
    25268, 25131, 24995, 24860, 24726, 24593, 24460, 24328, 24196, 24066, 23936, 23806,
    23678, 23550, 23423, 23296, 23170, 23045, 22921, 22797, 22674, 22552, 22430, 22309,
    22188, 22068, 21949, 21831, 21713, 21595, 21479, 21363, 21247, 21133, 21019, 20905,
    20792, 20680, 20568, 20457, 20347, 20237, 20127, 20019, 19911, 19803, 19696, 19590,
    19484, 19379, 19274, 19170, 19066, 18963, 18861, 18759, 18658, 18557, 18457, 18357,
    18258, 18160, 18061, 17964, 17867, 17770, 17674, 17579, 17484, 17390, 17296, 17202,
    17109, 17017, 16925, 16834, 16743, 16652, 16562, 16473, 16384,
};

static int16_t decay1(int32_t halvings)
{
    const int32_t whole = halvings >> 15;
    const uint16_t *left = &halving_table[(halvings & 32767) >> 8];
    const int32_t slope = (int32_t)left[1] - left[0];
    const int32_t part = left[0] + el_rshr(slope * (halvings & 255), 8);

    /* 16 halvings or more leave nothing in Q0.15: the mask makes that 0, and the minimum keeps
     * the shift in range. */
    return (int16_t)(el_sat16(el_rshr(part, (uint32_t)el_min(whole, 16))) & el_mask(whole - 16));
}

void el_decay(int16_t *e, const int16_t *a, const int16_t *dt, uint32_t shift, uint32_t n)
{
    const int32_t elapsed = dt[0];

    for (uint32_t i = 0; i < n; i++) {
        e[i] = decay1(el_rshr((int32_t)a[i] * elapsed, shift));
    }
}
