/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_sparse_linear8.h"

#include "elegans/el_fixed.h"

#define EL_NAME el_sparse_linear8
#define EL_WEIGHT int8_t
#include "elegans/el_sparse_linear_body.h"
