/* SPDX-License-Identifier: 0BSD */
/* Start-up code: from reset to main, and from a fault to the next reset. */
#include "cortex_m.h"

#include <string.h>

#include "board.h"
#include "config.h"

int main(void);
void reset_handler(void);
void fault_handler(void);
void fault_note(const uint32_t *frame);

extern uint32_t image_data[], data_start[], data_end[], bss_start[], bss_end[];
extern uint32_t stack_guard[], stack_bottom[], stack_top[];

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

typedef void (*vector)(void);

/* The vector table: 16 entries of the core, then the interrupts up to the UART's, the only one
 * that is ever enabled. */
__attribute__((used, section(".vectors"))) static const vector vectors[16 + BOARD_UART_IRQ + 1] = {
    [0] = (vector)stack_top,
    [1] = reset_handler,
    [2 ... 15] = fault_handler,
    [16 + BOARD_UART_IRQ] = uart_interrupt,
};

/* Notes the reason and resets. `frame` is what the core has pushed at a fault: r0-r3, r12, lr,
 * pc, xpsr; NULL if there was no fault. */
static __attribute__((noreturn)) void restart(el_reset_cause cause, const uint32_t *frame)
{
    note.mark = MARK;
    note.boot.cause = cause;
    note.boot.fault_pc = frame ? frame[6] : 0;
    note.boot.fault_lr = frame ? frame[5] : 0;
    note.boot.fault_status = frame && BOARD_IS_MAINLINE ? SCB_CFSR : 0;
    __asm__ volatile("dsb" ::: "memory");
    SCB_AIRCR = AIRCR_RESET;
    for (;;) {
    }
}

/* Paints what is not in use yet. The pointer is volatile, so that no compiler makes this a call of
 * memset, whose own stack would be painted, too. */
static inline __attribute__((always_inline)) void paint_stack(void)
{
    volatile uint32_t *end;
    __asm__ volatile("mov %0, sp" : "=r"(end));
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

__attribute__((used, noreturn)) void reset_handler(void)
{
    paint_stack();
    SCB_VTOR = (uint32_t)vectors; /* a boot loader may have changed it; v6-M ignores the write */
#if BOARD_HAS_FPU
    SCB_CPACR |= CPACR_FPU;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    memcpy(data_start, image_data, (size_t)((char *)data_end - (char *)data_start));
    memset(bss_start, 0, (size_t)((char *)bss_end - (char *)bss_start));
    if (note.mark == MARK)
        board_boot = note.boot;
    else
        board_boot.cause = EL_RESET_POWER;
    note.mark = 0;
    main();
    restart(EL_RESET_UNKNOWN, 0);
}

__attribute__((used, noreturn)) void fault_note(const uint32_t *frame)
{
    restart(EL_RESET_FAULT, frame);
}

__attribute__((used, naked)) void fault_handler(void)
{
    __asm__ volatile("mov r0, sp\n\t"
                     "b fault_note");
}

void board_reset(void)
{
    uart_drain();
    restart(EL_RESET_SOFTWARE, 0);
}

void board_idle(int (*ready)(void))
{
    __asm__ volatile("cpsid i" ::: "memory");
    if (!ready())
        __asm__ volatile("dsb\n\twfi" ::: "memory");
    __asm__ volatile("cpsie i\n\tisb" ::: "memory");
}
