#include "elegans/el_blend.h"

int16_t el_blend(int16_t from, int16_t to, int32_t gate)
{
    int32_t way = gate * ((int32_t)to - (int32_t)from);
    return (int16_t)(from + ((way + (1 << 14)) >> 15));
}
