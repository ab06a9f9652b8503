/* SPDX-License-Identifier: 0BSD */
/* The counter of board.h by SysTick, which every core has: 24 bits. */
#include "board.h"
#include "cortex_m.h"

#define SYST_CSR REGISTER(0xE000E010) /* control */
#define SYST_RVR REGISTER(0xE000E014) /* reload */
#define SYST_CVR REGISTER(0xE000E018) /* current, counts down */

enum { ON = 1, CPU_CLOCK = 4 }; /* control */

const uint32_t board_ticks_mask = 0xFFFFFFu;

void board_counter(int on)
{
    SYST_RVR = board_ticks_mask;
    SYST_CVR = 0;
    SYST_CSR = on ? ON | CPU_CLOCK : 0;
}

uint32_t board_ticks(void)
{
    return ~SYST_CVR & board_ticks_mask;
}
