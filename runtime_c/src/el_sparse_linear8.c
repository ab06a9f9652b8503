/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_sparse_linear8.h"

#include "elegans/el_fixed.h"

#define EL_NAME el_sparse_linear8
#define EL_WEIGHT int8_t
#define EL_SUM int32_t
#define EL_RESULT(acc, shift) el_sat16(el_rshr(acc, shift))
#include "elegans/el_sparse_linear_body.h"
