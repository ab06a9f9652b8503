/* SPDX-License-Identifier: 0BSD */
/* tanh and sigmoid of eight elements with MVE. */
#ifndef EL_CORE_MVE_ACTIVATIONS_H
#define EL_CORE_MVE_ACTIVATIONS_H

#include <arm_mve.h>
#include <stdint.h>

#include "elegans/el_pieces.h"

#define EL_ACTIVATION_RUN 8U

/* In the frame of its caller, also where nothing is optimised. */
#define EL_IN_CALLER static inline __attribute__((always_inline))

/* tanh in Q0.31 plus 2^15 of the segments at the offsets `at`, in bytes from segment 0. The lower
 * halves of `j` are J, and `upper` is J in upper halves: as in el_tanh.h, bend J is a product of
 * lower halves, for bend is that of the slope's word. */
EL_IN_CALLER int32x4_t el_tanh_at(int32x4_t at, int16x8_t j, int32x4_t upper)
{
    const uint32x4_t offset = vreinterpretq_u32_s32(at);
    const int32_t *const zero = &el_tanh_pieces[32].value;
    const int32x4_t value = vldrwq_gather_offset_s32(zero, offset);
    const int32x4_t slope = vldrwq_gather_offset_s32(zero + 1, offset);
    const int32x4_t bent = vmullbq_int_s16(vreinterpretq_s16_s32(slope), j);

    return vaddq_s32(value, vmulhq_s32(vaddq_s32(slope, bent), upper));
}

/* The elements with even and those with odd numbers. */
typedef struct {
    int32x4_t even;
    int32x4_t odd;
} el_eight;

/* tanh in Q0.31 plus 2^15 of z. */
EL_IN_CALLER el_eight el_fine_tanh8(const int16_t *z)
{
    const int16x8_t u = vqaddq_n_s16(vldrhq_s16(z), 512);
    const int16x8_t segment = vshrq_n_s16(u, 10);
    const int16x8_t j = veorq_s16(vshlq_n_s16(u, 6), vdupq_n_s16(-32768));
    const el_eight y = {
        el_tanh_at(vshllbq_n_s16(segment, 3), j, vshllbq_n_s16(j, 16)),
        el_tanh_at(vshlltq_n_s16(segment, 3), vrev32q_s16(j), vshlltq_n_s16(j, 16)),
    };

    return y;
}

/* The upper halves: VSRI puts the even ones below the odd ones. */
EL_IN_CALLER void el_give_upper(int16_t *y, int32x4_t even, int32x4_t odd)
{
    vstrhq_s16(y, vreinterpretq_s16_s32(vsriq_n_s32(odd, even, 16)));
}

EL_IN_CALLER void el_tanh_run(int16_t *y, const int16_t *z)
{
    const el_eight found = el_fine_tanh8(z);

    el_give_upper(y, found.even, found.odd);
}

/* As in el_sigmoid.h. */
EL_IN_CALLER void el_sigmoid_run(int16_t *y, const int16_t *z)
{
    const int32_t half = (1 << 30) + (1 << 14);
    const el_eight found = el_fine_tanh8(z);

    el_give_upper(y, vaddq_n_s32(vshrq_n_s32(found.even, 1), half),
                  vaddq_n_s32(vshrq_n_s32(found.odd, 1), half));
}

#endif
