/* SPDX-License-Identifier: 0BSD */
/* The function of el_leaky.h with external linkage, for tests. What it includes keeps its own. */
#include "elegans/el_relax.h"

#undef EL_INLINE
#define EL_INLINE
#include "elegans/el_leaky.h"
