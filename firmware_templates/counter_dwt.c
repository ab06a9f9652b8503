/* SPDX-License-Identifier: 0BSD */
/* The counter of board.h by the cycle counter of the DWT (data watchpoint and trace unit), on
 * v7-M and later: 32 bits. */
#include "board.h"
#include "cortex_m.h"

#define DEMCR REGISTER(0xE000EDFC)
#define DWT_CTRL REGISTER(0xE0001000)
#define DWT_CYCCNT REGISTER(0xE0001004)
#define DWT_LAR REGISTER(0xE0001FB0)

#define TRACE_ENABLE (1u << 24) /* DEMCR: gives the DWT its clock */
#define UNLOCK 0xC5ACCE55u      /* Cortex-M7 locks its DWT after reset; other cores ignore the write */
enum { CYCCNT_ENABLE = 1 };     /* DWT_CTRL */

const uint32_t board_ticks_mask = 0xFFFFFFFFu;

void board_counter(int on)
{
    DEMCR |= TRACE_ENABLE;
    DWT_LAR = UNLOCK;
    DWT_CYCCNT = 0;
    DWT_CTRL = on ? DWT_CTRL | CYCCNT_ENABLE : DWT_CTRL & ~(uint32_t)CYCCNT_ENABLE;
}

uint32_t board_ticks(void)
{
    return DWT_CYCCNT;
}
