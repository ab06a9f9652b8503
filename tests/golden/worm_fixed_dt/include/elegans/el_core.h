/* Which kernels a core gets, by the compiler's own feature macros. All give the same bits.
 *
 *   EL_V6M  Cortex-M0, M0+, M23: Thumb-1
 *   EL_V7M  Cortex-M3: Thumb-2 without DSP
 *   EL_DSP  Cortex-M4, M7, M33: two 16-bit products an instruction
 *   EL_MVE  Cortex-M55, M85: vectors of eight
 *
 * Anything else has the portable C, and so has every core with -DEL_CORE=EL_PORTABLE. */
#ifndef EL_CORE_H
#define EL_CORE_H

#define EL_PORTABLE 0
#define EL_V6M 1
#define EL_V7M 2
#define EL_DSP 3
#define EL_MVE 4

#ifndef EL_CORE
#if !defined(__ARM_ARCH_PROFILE) || (__ARM_ARCH_PROFILE != 'M') || defined(__ARM_BIG_ENDIAN)
#define EL_CORE EL_PORTABLE
#elif defined(__ARM_FEATURE_MVE) && ((__ARM_FEATURE_MVE & 1) != 0)
#define EL_CORE EL_MVE
#elif defined(__ARM_FEATURE_DSP)
#define EL_CORE EL_DSP
#elif __ARM_ARCH_ISA_THUMB == 2
#define EL_CORE EL_V7M
#else
#define EL_CORE EL_V6M
#endif
#endif

/* The weights of two neighbouring inputs: a word where 16-bit products are taken from its
 * halves, a word each where they are not. */
#if (EL_CORE == EL_V6M) || (EL_CORE == EL_V7M)
#define EL_PAIR(even, odd) (even), (odd)
#else
#define EL_PAIR(even, odd) (((odd) * 65536) + ((even) & 0xFFFF))
#endif

/* The end of a table of weights: MVE loads four pairs at once, and multiplies what lies
 * behind the last one by zero. */
#if EL_CORE == EL_MVE
#define EL_TAIL 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#else
#define EL_TAIL 0
#endif

#endif
