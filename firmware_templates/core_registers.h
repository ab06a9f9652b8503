/* SPDX-License-Identifier: 0BSD */
/* What the drivers need of any core: REGISTER(address), and interrupt_enable(irq). */
#ifndef CORE_REGISTERS_H
#define CORE_REGISTERS_H

#ifdef __riscv
#include "riscv.h"
#else
#include "cortex_m.h"
#endif

#endif
