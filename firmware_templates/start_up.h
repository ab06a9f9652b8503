/* SPDX-License-Identifier: 0BSD */
/* Start-up code (start_up.c), and what it needs of the core (cortex_m.c, riscv.c). */
#ifndef START_UP_H
#define START_UP_H

#include <stdint.h>

/* From the first instructions of the core to main. Runs on the stack that ends at stack_top. */
__attribute__((noreturn)) void start_up(void);

/* Notes a fault: the address at which it was, the address to which the function there returns, and
 * the core's status. Then resets. */
__attribute__((noreturn)) void fault_restart(uint32_t pc, uint32_t lr, uint32_t status);

/* What the core needs before data are initialised. */
void core_init(void);

/* Resets the chip. */
__attribute__((noreturn)) void core_reset(void);

/* The first instructions of the firmware. */
void reset_handler(void);

extern uint32_t stack_guard[], stack_bottom[], stack_top[];

#endif
