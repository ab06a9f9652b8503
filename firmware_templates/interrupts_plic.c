/* SPDX-License-Identifier: 0BSD */
/* RISC-V's platform-level interrupt controller (PLIC), with machine mode of hart 0 as context 0. */
#include "board.h"
#include "config.h"
#include "riscv.h"

#define PRIORITY(irq) REGISTER(BOARD_INTERRUPTS_BASE + 4 * (irq))
#define ENABLE(n) REGISTER(BOARD_INTERRUPTS_BASE + 0x2000 + 4 * (n))
#define THRESHOLD REGISTER(BOARD_INTERRUPTS_BASE + 0x200000)
#define CLAIM REGISTER(BOARD_INTERRUPTS_BASE + 0x200004) /* read: claims; written: completes */

void interrupt_enable(uint32_t irq)
{
    /* The threshold comes last: QEMU looks for what is pending at that write, not at the first. */
    ENABLE(irq / 32) = 1u << (irq % 32);
    PRIORITY(irq) = 1;
    THRESHOLD = 0;
    CSR_SET("mie", MIE_EXTERNAL);
}

void interrupt_handler(void)
{
    uint32_t claimed = CLAIM;
    uart_interrupt();
    CLAIM = claimed;
}
