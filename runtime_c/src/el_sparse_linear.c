/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_sparse_linear.h"

#include "elegans/el_fixed.h"

#define EL_NAME el_sparse_linear
#define EL_WEIGHT int16_t
#include "elegans/el_sparse_linear_body.h"
