/* SPDX-License-Identifier: 0BSD */
/* The function of el_wide_gated_drive.h with external linkage, for tests. */
#define EL_INLINE
#include "elegans/el_wide_gated_drive.h"
