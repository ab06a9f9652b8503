/* SPDX-License-Identifier: 0BSD */
/* The function of el_lstm_cell.h with external linkage, for tests. */
#define EL_INLINE
#include "elegans/el_lstm_cell.h"
