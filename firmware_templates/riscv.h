/* SPDX-License-Identifier: 0BSD */
/* The core's registers that the firmware uses, in machine mode (RISC-V Privileged Architecture). */
#ifndef RISCV_H
#define RISCV_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* Control and status registers, by their numbers or their names. */
#define CSR_READ(csr, into) __asm__ volatile("csrr %0, " csr : "=r"(into))
#define CSR_WRITE(csr, value) __asm__ volatile("csrw " csr ", %0" ::"r"(value) : "memory")
#define CSR_SET(csr, bits) __asm__ volatile("csrs " csr ", %0" ::"r"(bits) : "memory")
#define CSR_CLEAR(csr, bits) __asm__ volatile("csrc " csr ", %0" ::"r"(bits) : "memory")

#define MIE_EXTERNAL (1u << 11) /* mie: interrupts from outside the core */

/* The interrupt controller (interrupts_*.c). */

/* Lets an interrupt through to the core. */
void interrupt_enable(uint32_t irq);

/* The UART's interrupt, the only one that is ever enabled: calls uart_interrupt, and does what the
 * controller needs before and after it. */
void interrupt_handler(void);

/* Resets the chip; a board whose chip can do that defines it in its own source. Without it the
 * firmware starts again with the chip as it is. */
void chip_reset(void);

#endif
