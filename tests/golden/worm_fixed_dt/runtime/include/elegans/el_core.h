/* SPDX-License-Identifier: 0BSD */
/* The table of cores: which folder of cores/ a compilation uses.
 *
 * The first row whose condition holds is taken; the conditions are feature macros of the
 * compiler (ACLE: Arm C Language Extensions). A row names the files of its folder:
 *
 *   EL_CORE_HEADER  core.h, for C: how weights are laid out in the tables (EL_PAIR, EL_TAIL),
 *                   and the functions that this core computes by instructions of its own
 *   EL_CORE_LAYERS  layers.inc, for the assembler: the macros that NAME_layers.S consists of
 *
 * EL_CORE tells where the layers come from: EL_NATIVE from NAME_layers.S, EL_PORTABLE from C. A
 * target without a row gets portable C, and so does every target with -DEL_CORE=EL_PORTABLE.
 * All cores compute the same bits. This file is read by C and by the assembler. */
#ifndef EL_CORE_H
#define EL_CORE_H

#define EL_PORTABLE 0
#define EL_NATIVE 1

#if defined(EL_CORE) && (EL_CORE != EL_PORTABLE)
#error "EL_CORE can only be set to EL_PORTABLE; leave it undefined for the core's own kernels"
#endif

/* A little-endian Arm core of the M profile. */
#if defined(__ARM_ARCH_PROFILE) && (__ARM_ARCH_PROFILE == 'M') && !defined(__ARM_BIG_ENDIAN)
#define EL_ARM_M 1
#else
#define EL_ARM_M 0
#endif

/* A 32-bit RISC-V core. */
#if defined(__riscv_xlen) && (__riscv_xlen == 32)
#define EL_RISCV_32 1
#else
#define EL_RISCV_32 0
#endif

#if defined(EL_CORE)
#define EL_CORE_HEADER "elegans/cores/portable/core.h"

/* Cortex-M55, M85 */
#elif EL_ARM_M && defined(__ARM_FEATURE_MVE) && ((__ARM_FEATURE_MVE & 1) != 0)
#define EL_CORE EL_NATIVE
#define EL_CORE_HEADER "elegans/cores/armv81m_mve/core.h"
#define EL_CORE_LAYERS "elegans/cores/armv81m_mve/layers.inc"

/* Cortex-M4, M7, M33 */
#elif EL_ARM_M && defined(__ARM_FEATURE_DSP)
#define EL_CORE EL_NATIVE
#define EL_CORE_HEADER "elegans/cores/armv7em/core.h"
#define EL_CORE_LAYERS "elegans/cores/armv7em/layers.inc"

/* Cortex-M3, and M33 without DSP instructions */
#elif EL_ARM_M && (__ARM_ARCH_ISA_THUMB == 2)
#define EL_CORE EL_NATIVE
#define EL_CORE_HEADER "elegans/cores/armv7m/core.h"
#define EL_CORE_LAYERS "elegans/cores/armv7m/layers.inc"

/* Cortex-M0, M0+, M23 */
#elif EL_ARM_M
#define EL_CORE EL_NATIVE
#define EL_CORE_HEADER "elegans/cores/armv6m/core.h"
#define EL_CORE_LAYERS "elegans/cores/armv6m/layers.inc"

/* RV32 with a multiplier; the layers of those with 16 registers (RV32EM) come from C */
#elif EL_RISCV_32 && defined(__riscv_mul)
#if defined(__riscv_32e) || defined(__riscv_e)
#define EL_CORE EL_PORTABLE
#else
#define EL_CORE EL_NATIVE
#define EL_CORE_LAYERS "elegans/cores/rv32im/layers.inc"
#endif
#define EL_CORE_HEADER "elegans/cores/rv32im/core.h"

/* RV32 without a multiplier */
#elif EL_RISCV_32
#define EL_CORE EL_PORTABLE
#define EL_CORE_HEADER "elegans/cores/rv32e/core.h"

#else
#define EL_CORE EL_PORTABLE
#define EL_CORE_HEADER "elegans/cores/portable/core.h"
#endif

#endif
