/* SPDX-License-Identifier: 0BSD */
/* Cortex-M: the vector table, reset, faults and sleep. */
#include "cortex_m.h"

#include "board.h"
#include "config.h"
#include "start_up.h"

void fault_handler(void);
void fault_note(const uint32_t *frame);

typedef void (*vector)(void);

/* The vector table: 16 entries of the core, then the interrupts up to the UART's, the only one
 * that is ever enabled. */
__attribute__((used, section(".vectors"))) static const vector vectors[16 + BOARD_UART_IRQ + 1] = {
    [0] = (vector)stack_top,
    [1] = reset_handler,
    [2 ... 15] = fault_handler,
    [16 + BOARD_UART_IRQ] = uart_interrupt,
};

__attribute__((noreturn)) void core_reset(void)
{
    __asm__ volatile("dsb" ::: "memory");
    SCB_AIRCR = AIRCR_RESET;
    for (;;) {
    }
}

void core_init(void)
{
    SCB_VTOR = (uint32_t)vectors; /* a boot loader may have changed it; v6-M ignores the write */
#if BOARD_HAS_FPU
    SCB_CPACR |= CPACR_FPU;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
}

__attribute__((used, noreturn)) void reset_handler(void)
{
    start_up();
}

/* `frame` is what the core has pushed at a fault: r0-r3, r12, lr, pc, xpsr. */
__attribute__((used, noreturn)) void fault_note(const uint32_t *frame)
{
    fault_restart(frame[6], frame[5], BOARD_IS_MAINLINE ? SCB_CFSR : 0);
}

__attribute__((used, naked)) void fault_handler(void)
{
    __asm__ volatile("mov r0, sp\n\t"
                     "b fault_note");
}

void board_idle(int (*ready)(void))
{
    __asm__ volatile("cpsid i" ::: "memory");
    if (!ready())
        __asm__ volatile("dsb\n\twfi" ::: "memory");
    __asm__ volatile("cpsie i\n\tisb" ::: "memory");
}
