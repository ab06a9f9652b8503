/* From reset to main, and from a fault to the next reset. */
#include "cortex_m.h"

#include <string.h>

#include "board.h"
#include "config.h"

int main(void);
void reset_handler(void);
void fault_handler(void);
void fault_note(const uint32_t *frame);

extern uint32_t image_data[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];

/* What one life leaves to the next, in RAM that start-up does not touch. `mark` tells a
 * note from what happens to be in RAM after power-on. */
typedef struct {
    uint32_t mark;
    el_boot boot;
} last_words;

enum { MARK = 0x454C4547 };
__attribute__((section(".noinit"))) static last_words last;

el_boot board_boot;

typedef void (*vector)(void);

/* Sixteen of the core and then the UART's: nothing else is ever enabled. */
__attribute__((used, section(".vectors"))) static const vector vectors[16 + BOARD_UART_IRQ + 1] = {
    [0] = (vector)stack_top,
    [1] = reset_handler,
    [2 ... 15] = fault_handler,
    [16 + BOARD_UART_IRQ] = uart_interrupt,
};

/* `frame` is what the core pushed for a fault: r0-r3, r12, lr, pc, xpsr. */
static __attribute__((noreturn)) void restart(el_reset_cause cause, const uint32_t *frame)
{
    last.mark = MARK;
    last.boot.cause = cause;
    last.boot.fault_pc = frame ? frame[6] : 0;
    last.boot.fault_lr = frame ? frame[5] : 0;
    last.boot.fault_status = frame && BOARD_IS_MAINLINE ? SCB_CFSR : 0;
    __asm__ volatile("dsb" ::: "memory");
    SCB_AIRCR = AIRCR_RESET;
    for (;;) {
    }
}

__attribute__((used, noreturn)) void reset_handler(void)
{
    SCB_VTOR = (uint32_t)vectors; /* a boot loader may have left it elsewhere; v6-M ignores it */
#if BOARD_HAS_FPU
    SCB_CPACR |= CPACR_FPU;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    memcpy(data_start, image_data, (size_t)((char *)data_end - (char *)data_start));
    memset(bss_start, 0, (size_t)((char *)bss_end - (char *)bss_start));
    if (last.mark == MARK)
        board_boot = last.boot;
    else
        board_boot.cause = EL_RESET_POWER;
    last.mark = 0;
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
