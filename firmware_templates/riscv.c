/* SPDX-License-Identifier: 0BSD */
/* RISC-V in machine mode: reset, traps and sleep. */
#include "riscv.h"

#include "board.h"
#include "start_up.h"

void trap_entry(void);
void fault_note(uint32_t pc, uint32_t lr, uint32_t cause);

#define STATUS_OF_RISCV 0x80000000u /* tells mcause from the fault status of a Cortex-M */

/* The first instructions, at the beginning of the flash. */
__attribute__((used, naked, section(".vectors"))) void reset_handler(void)
{
    __asm__ volatile("csrw mie, zero\n\t"
                     "csrci mstatus, 8\n\t" /* MIE: no interrupts until the first sleep */
                     "la sp, stack_top\n\t"
                     "la t0, trap_entry\n\t"
                     "csrw mtvec, t0\n\t"
                     "j start_up");
}

/* The registers that a function may change, where the interrupt finds them again. */
#if defined(__riscv_32e) || defined(__riscv_e)
#define FRAME "40"
#define MORE(op)
#else
#define FRAME "64"
#define MORE(op)           \
    op " a6, 40(sp)\n\t"   \
    op " a7, 44(sp)\n\t"   \
    op " t3, 48(sp)\n\t"   \
    op " t4, 52(sp)\n\t"   \
    op " t5, 56(sp)\n\t"   \
    op " t6, 60(sp)\n\t"
#endif
#define EACH(op)           \
    op " ra, 0(sp)\n\t"    \
    op " t0, 4(sp)\n\t"    \
    op " t1, 8(sp)\n\t"    \
    op " t2, 12(sp)\n\t"   \
    op " a0, 16(sp)\n\t"   \
    op " a1, 20(sp)\n\t"   \
    op " a2, 24(sp)\n\t"   \
    op " a3, 28(sp)\n\t"   \
    op " a4, 32(sp)\n\t"   \
    op " a5, 36(sp)\n\t"   \
    MORE(op)

/* Interrupts have the sign bit of mcause set, and return. Faults do not return, so they begin with
 * an empty stack: the stack pointer itself may be what is wrong. mtvec needs the alignment. */
__attribute__((used, naked, aligned(4))) void trap_entry(void)
{
    __asm__ volatile("csrw mscratch, t0\n\t"
                     "csrr t0, mcause\n\t"
                     "bltz t0, 1f\n\t"
                     "csrr a0, mepc\n\t"
                     "mv a1, ra\n\t"
                     "mv a2, t0\n\t"
                     "la sp, stack_top\n\t"
                     "j fault_note\n"
                     "1:\n\t"
                     "csrr t0, mscratch\n\t"
                     "addi sp, sp, -" FRAME "\n\t"
                     EACH("sw")
                     "jal interrupt_handler\n\t"
                     EACH("lw")
                     "addi sp, sp, " FRAME "\n\t"
                     "mret");
}

__attribute__((used, noreturn)) void fault_note(uint32_t pc, uint32_t lr, uint32_t cause)
{
    fault_restart(pc, lr, STATUS_OF_RISCV | cause);
}

__attribute__((weak)) void chip_reset(void)
{
}

void core_init(void)
{
}

__attribute__((noreturn)) void core_reset(void)
{
    chip_reset();
    for (;;)
        reset_handler();
}

void board_idle(int (*ready)(void))
{
    __asm__ volatile("csrci mstatus, 8" ::: "memory");
    if (!ready())
        __asm__ volatile("wfi" ::: "memory");
    __asm__ volatile("csrsi mstatus, 8" ::: "memory");
}
