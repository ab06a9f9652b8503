/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_decayed.h"

void el_decayed(int16_t *p, const int16_t *z, const int16_t *dt, const int32_t *map,
                uint32_t time, uint32_t gain, uint32_t n)
{
    el_decayed_all(p, z, dt[0], map, time, gain, n);
}
