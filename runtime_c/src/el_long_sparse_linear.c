/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_long_sparse_linear.h"

#include "elegans/el_long.h"

#define EL_NAME el_long_sparse_linear
#define EL_WEIGHT int16_t
#define EL_SUM int64_t
#define EL_RESULT(acc, shift) el_long_result(acc, shift)
#include "elegans/el_sparse_linear_body.h"
