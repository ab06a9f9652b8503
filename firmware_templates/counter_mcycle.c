/* SPDX-License-Identifier: 0BSD */
/* The counter of board.h by RISC-V's mcycle, the lower 32 bits. */
#include "board.h"
#include "riscv.h"

const uint32_t board_ticks_mask = 0xFFFFFFFFu;

/* The counter runs all the time; writing it tells an emulator that it will be read. */
void board_counter(int on)
{
    if (on)
        CSR_WRITE("mcycle", 0);
}

uint32_t board_ticks(void)
{
    uint32_t ticks;
    CSR_READ("mcycle", ticks);
    return ticks;
}
