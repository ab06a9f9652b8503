/* SPDX-License-Identifier: 0BSD */
/* The unfolds of LTC on cores with Thumb-2; the contract is in el_unfolds.h.
 *
 * The core has EL_SUM(shift), a loop over synapses in assembler: it adds them to the current in r8
 * and the conductance in r10, reads potentials from r6 on and words from r3 on, and moves r3 to
 * their end; r12 counts the rounds down. It may use r0 to r2, r4, r5 and lr. EL_SCALED multiplies
 * the int16_t in r10 by the upper half of r2. LDM and LDRD take their registers in ascending order,
 * so registers are named; r7, the frame pointer, is left alone. */
#ifndef EL_CORE_UNFOLDS_H
#define EL_CORE_UNFOLDS_H

#include <stdint.h>

#define EL_NATIVE_UNFOLDS

/* The sums of a neuron; u in r0 and the neurons left in r1 wait on the stack meanwhile. */
#define EL_SYNAPSES(name, shift) EL_ADDED(name, shift, "ldmia r3!, {r8, r10, r12}\n\t")
#define EL_MORE_SYNAPSES(name, shift) \
    EL_ADDED(name, shift, "ldrd r8, r10, [r0]\n\tldr r12, [r3], #4\n\t")
#define EL_ADDED(name, shift, begin)                                                           \
    static inline const int32_t *name(el_unfold *u, const void *v, const int32_t *w,           \
                                      int32_t n)                                               \
    {                                                                                          \
        register el_unfold *unfold __asm__("r0") = u;                                          \
        register int32_t neurons __asm__("r1") = n;                                            \
        register const int32_t *words __asm__("r3") = w;                                       \
        register const void *inputs __asm__("r6") = v;                                         \
        EL_SUMS_CONSTANTS;                                                                     \
                                                                                               \
        __asm__ volatile(EL_SUMS_BEGIN                                                         \
                "2:\n\t"                                                                       \
                begin                                                                          \
                "cmp r12, #0\n\t"                                                              \
                "beq 3f\n\t"                                                                   \
                "push {r0, r1}\n\t"                                                            \
                EL_SUM(shift)                                                                  \
                "pop {r0, r1}\n"                                                               \
                "3:\n\t"                                                                       \
                "strd r8, r10, [r0], #24\n\t"                                                  \
                "subs r1, r1, #1\n\t"                                                          \
                "bne 2b"                                                                       \
                : "+r"(unfold), "+r"(neurons), "+r"(words)                                     \
                : "r"(inputs), EL_SUMS_INPUTS                                                  \
                : "r2", "r4", "r5", "r8", "r10", "r12", "lr", "cc", "memory"                   \
                  EL_SUMS_CLOBBERED);                                                          \
        return words;                                                                          \
    }

/* Saturates r8 or r10, where `held` is 1. */
#define EL_FITTED_0(sum) ""
#define EL_FITTED_1(sum) "ssat " sum ", #16, " sum "\n\t"

/* The change of a potential from the drive r8 and the divisor r10, by way of r2: r2 is the
 * quotient, rounded half up. A negative dividend is complemented (el_divide.h). */
#define EL_QUOTIENT                      \
    "add r8, r8, r10, asr #1\n\t"        \
    "eor r2, r8, r8, asr #31\n\t"        \
    "udiv r2, r2, r10\n\t"               \
    "eor r2, r2, r8, asr #31\n\t"

/* A neuron: r0 is its el_unfold, r1 y, r2 the neurons left; all three wait on the stack while the
 * synapses are added. */
#define EL_DRIVEN(name, shift, left, up, held_current, held_conductance, bits)                 \
    static inline void name(int32_t *y, const int32_t *v, const el_unfold *u,                  \
                            const int32_t *w, int32_t first, int32_t n)                        \
    {                                                                                          \
        register const el_unfold *unfold __asm__("r0") = u;                                    \
        register int32_t *target __asm__("r1") = y;                                            \
        register int32_t neurons __asm__("r2") = n - first;                                    \
        register const int32_t *words __asm__("r3") = w;                                       \
        register const int32_t *potentials __asm__("r6") = v;                                  \
        EL_SUMS_CONSTANTS;                                                                     \
                                                                                               \
        __asm__ volatile(EL_SUMS_BEGIN                                                         \
                "2:\n\t"                                                                       \
                "ldmia r0!, {r8, r10}\n\t"                                                     \
                "ldr r12, [r3], #4\n\t"                                                        \
                "push {r0, r1, r2}\n\t"                                                        \
                EL_SUM(shift)                                                                  \
                "pop {r0, r1}\n\t"                                                             \
                /* r8 = I, r10 = G; then I is held between lo G and hi G, less hi G */         \
                "ldmia r3!, {r2, r4, r5, r12}\n\t"                                             \
                "asr r8, r8, r2\n\t"                                                           \
                "asr r10, r10, r4\n\t"                                                         \
                EL_FITTED_##held_current("r8")                                                 \
                EL_FITTED_##held_conductance("r10")                                            \
                ".if " #left " > 0\n\t"                                                        \
                "lsl r8, r8, #" #left "\n\t"                                                   \
                ".endif\n\t"                                                                   \
                ".if " #left " < 0\n\t"                                                        \
                "lsr r2, r2, #8\n\t"                                                           \
                "lsl r8, r8, r2\n\t"                                                           \
                ".endif\n\t"                                                                   \
                "mls r8, r5, r10, r8\n\t"                                                      \
                "bic r8, r8, r8, asr #31\n\t"                                                  \
                "mls r8, r12, r10, r8\n\t"                                                     \
                "and r8, r8, r8, asr #31\n\t"                                                  \
                /* the drive, times the mantissa: lr is the potential, and r4 where it is */   \
                "ldmia r3!, {r2, r4, r5}\n\t"                                                  \
                "ldr lr, [r6, r4]\n\t"                                                         \
                "sub r2, r2, lr, asr #16\n\t"                                                  \
                "mla r8, r2, r10, r8\n\t"                                                      \
                "lsl r8, r8, #" #up "\n\t"                                                     \
                "ldmia r0!, {r2, r12}\n\t"                                                     \
                "asr r8, r8, r12\n\t"                                                          \
                "smull r12, r8, r8, r2\n\t"                                                    \
                /* the divisor */                                                              \
                EL_SCALED                                                                      \
                "ldmia r0!, {r2, r12}\n\t"                                                     \
                "asr r10, r10, r2\n\t"                                                         \
                "add r10, r10, r5\n\t"                                                         \
                "asr r10, r10, #1\n\t"                                                         \
                EL_QUOTIENT                                                                    \
                "lsl r2, r2, r12\n\t"                                                          \
                "add lr, lr, r2\n\t"                                                           \
                "str lr, [r1, r4]\n\t"                                                         \
                "pop {r2}\n\t"                                                                 \
                "subs r2, r2, #1\n\t"                                                          \
                "bne 2b"                                                                       \
                : "+r"(unfold), "+r"(target), "+r"(neurons), "+r"(words)                       \
                : "r"(potentials), EL_SUMS_INPUTS                                              \
                : "r4", "r5", "r8", "r10", "r12", "lr", "cc", "memory" EL_SUMS_CLOBBERED);     \
    }

/* Fifteen instructions a neuron. */
#define EL_UNFOLD_STILL                                                                        \
    static inline void el_unfold_still(int32_t *y, const int32_t *v, const el_unfold *u,       \
                                       int32_t n, uint32_t bits)                               \
    {                                                                                          \
        (void)bits;                                                                            \
        __asm__ volatile("1:\n\t"                                                              \
                "ldmia %[u]!, {r2, r4, r5, r8, r10, r12}\n\t"                                  \
                "ldr lr, [%[v]], #4\n\t"                                                       \
                "asr r11, lr, #16\n\t"                                                         \
                "mls r2, r4, r11, r2\n\t"                                                      \
                "asr r2, r2, r8\n\t"                                                           \
                "smull r11, r8, r2, r5\n\t"                                                    \
                EL_QUOTIENT                                                                    \
                "lsl r2, r2, r12\n\t"                                                          \
                "add lr, lr, r2\n\t"                                                           \
                "str lr, [%[y]], #4\n\t"                                                       \
                "subs %[n], %[n], #1\n\t"                                                      \
                "bne 1b"                                                                       \
                : [y] "+r"(y), [v] "+r"(v), [u] "+r"(u), [n] "+r"(n)                           \
                :                                                                              \
                : "r2", "r4", "r5", "r8", "r10", "r11", "r12", "lr", "cc", "memory");          \
    }

#endif
