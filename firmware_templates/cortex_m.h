/* SPDX-License-Identifier: 0BSD */
/* The core's registers that the firmware uses: the same addresses on every Cortex-M. */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define NVIC_ISER(n) REGISTER(0xE000E100 + 4 * (n))
#define SCB_VTOR REGISTER(0xE000ED08)
#define SCB_AIRCR REGISTER(0xE000ED0C)
#define SCB_CFSR REGISTER(0xE000ED28) /* v7-M and later: the kind of fault */
#define SCB_CPACR REGISTER(0xE000ED88)

#define AIRCR_RESET 0x05FA0004u    /* key, SYSRESETREQ */
#define CPACR_FPU (0xFu << 20)     /* CP10 and CP11: FPU, and MVE where there is one */

static inline void interrupt_enable(uint32_t irq)
{
    NVIC_ISER(irq / 32) = 1u << (irq % 32);
}

#endif
