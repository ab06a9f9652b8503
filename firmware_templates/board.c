/* SPDX-License-Identifier: 0BSD */
/* board_init of a board that needs none: its clocks run and its pins are connected after reset. */
#include "board.h"

void board_init(void)
{
}
