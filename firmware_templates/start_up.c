/* SPDX-License-Identifier: 0BSD */
/* Start-up code of every core: from the first instructions to main, and from a fault to the next
 * reset. */
#include "start_up.h"

#include <string.h>

#include "board.h"
#include "config.h"

int main(void);

extern uint32_t image_data[], data_start[], data_end[], bss_start[], bss_end[];

/* Why the board resets, kept for after the reset in RAM that start-up does not initialise.
 * `mark` tells it from what happens to be in RAM after power-on. */
typedef struct {
    uint32_t mark;
    el_boot boot;
} reset_note;

enum { MARK = 0x454C4547 }; /* "ELEG" */

/* Fills the stack, and the guard words below it, at the start: what was used, or overrun, does not
 * hold it any more. */
enum { PAINT = 0x57ACC0DE };
__attribute__((section(".noinit"))) static reset_note note;

el_boot board_boot;

/* Notes the reason and resets. */
static __attribute__((noreturn)) void restart(el_reset_cause cause, uint32_t pc, uint32_t lr,
                                              uint32_t status)
{
    note.mark = MARK;
    note.boot.cause = cause;
    note.boot.fault_pc = pc;
    note.boot.fault_lr = lr;
    note.boot.fault_status = status;
    core_reset();
}

/* Paints what is not in use yet. The pointer is volatile, so that no compiler makes this a call of
 * memset, whose own stack would be painted, too. */
static inline __attribute__((always_inline)) void paint_stack(void)
{
    volatile uint32_t *end;
#ifdef __riscv
    __asm__ volatile("mv %0, sp" : "=r"(end));
#else
    __asm__ volatile("mov %0, sp" : "=r"(end));
#endif
    for (volatile uint32_t *word = stack_guard; word < end; word++)
        *word = PAINT;
}

uint32_t board_stack_bytes(void)
{
    return (uint32_t)((char *)stack_top - (char *)stack_bottom);
}

uint32_t board_stack_used(void)
{
    const volatile uint32_t *word = stack_guard;
    while (word < stack_top && *word == PAINT)
        word++;
    return (uint32_t)((char *)stack_top - (const volatile char *)word);
}

__attribute__((noreturn)) void start_up(void)
{
    paint_stack();
    core_init();
    memcpy(data_start, image_data, (size_t)((char *)data_end - (char *)data_start));
    memset(bss_start, 0, (size_t)((char *)bss_end - (char *)bss_start));
    if (note.mark == MARK)
        board_boot = note.boot;
    else
        board_boot.cause = EL_RESET_POWER;
    note.mark = 0;
    main();
    restart(EL_RESET_UNKNOWN, 0, 0, 0);
}

__attribute__((noreturn)) void fault_restart(uint32_t pc, uint32_t lr, uint32_t status)
{
    restart(EL_RESET_FAULT, pc, lr, status);
}

void board_reset(void)
{
    uart_drain();
    restart(EL_RESET_SOFTWARE, 0, 0, 0);
}
