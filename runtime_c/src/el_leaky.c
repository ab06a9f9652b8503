/* SPDX-License-Identifier: 0BSD */
/* The function of el_leaky.h with external linkage, for tests. */
#define EL_INLINE
#include "elegans/el_leaky.h"
