/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_wide_sparse_linear.h"

#include "elegans/el_long.h"

#define EL_NAME el_wide_sparse_linear
#define EL_WEIGHT int16_t
#define EL_SUM int64_t
/* The upper half of row r, which the text stores; the lower one is stored here. */
#define EL_RESULT(acc, shift) el_long_halves(&y[rows + r], acc, shift)
#include "elegans/el_sparse_linear_body.h"
