/* SPDX-License-Identifier: 0BSD */
#define EL_INLINE
#include "elegans/el_wide_advance.h"
