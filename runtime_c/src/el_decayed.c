/* SPDX-License-Identifier: 0BSD */
/* The function of el_decayed.h with external linkage, for tests. */
#define EL_INLINE
#include "elegans/el_decayed.h"
