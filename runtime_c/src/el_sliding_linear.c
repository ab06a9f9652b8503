/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_sliding_linear.h"

#include "elegans/el_fixed.h"

#define EL_NAME el_sliding_linear
#define EL_WEIGHT int16_t
#define EL_SUM int32_t
#define EL_RESULT(acc, shift) el_sat16(el_rshr(acc, shift))
#include "elegans/el_sliding_linear_body.h"
