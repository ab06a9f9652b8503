/* SPDX-License-Identifier: 0BSD */
/* The interrupt controller in Hazard3, the RISC-V core of the RP2350 (its datasheet, 3.8.6). */
#include "board.h"
#include "config.h"
#include "riscv.h"

#define MEIEA "0xBE0" /* enables: bits 4-0 choose 16 interrupts, bits 31-16 are one each */

void interrupt_enable(uint32_t irq)
{
    CSR_SET(MEIEA, 1u << (16 + irq % 16) | irq / 16);
    CSR_SET("mie", MIE_EXTERNAL);
}

/* The interrupt is pending as long as the UART asks for it, so nothing is to be acknowledged. */
void interrupt_handler(void)
{
    uart_interrupt();
}
