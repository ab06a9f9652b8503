/* out = from + gate * (to - from), rounded half up.
 *
 *   from, to   Q1.15, any value
 *   gate       Q17.15 in [0, 32768]
 *
 * |gate * (to - from)| + 2^14 <= 32768 * 65535 + 16384 < 2^31, so int32_t is enough. */
#ifndef EL_BLEND_H
#define EL_BLEND_H

#include <stdint.h>

int16_t el_blend(int16_t from, int16_t to, int32_t gate);

#endif
