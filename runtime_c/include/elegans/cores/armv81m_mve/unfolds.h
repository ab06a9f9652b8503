/* SPDX-License-Identifier: 0BSD */
/* What an unfold of LTC computes besides sums, on Armv8.1-M with MVE: four neurons at a time; the
 * contracts are in el_unfolds.h.
 *
 * Loops have tail predication, and read by addresses in a vector, less what the first load adds.
 * Shifts to the right by a vector are to the left by its negative. */
#ifndef EL_CORE_ARMV81M_MVE_UNFOLDS_H
#define EL_CORE_ARMV81M_MVE_UNFOLDS_H

#include <arm_mve.h>
#include <stdint.h>

#define EL_NATIVE_UNFOLDS
#define EL_NATIVE_UNFOLD

/* As in el_unfolds.h, with these differences:
 *
 *   sum     of the neuron's conductances in this unfold; where no potential reaches it, 1 + r G
 *   words   4 bytes before EL_NEURON
 *   shifts  -right in the lowest byte, -scale in the next, left in the upper half: a shift by a
 *           vector takes the lowest byte of each lane */
typedef struct {
    int32_t current;
    int32_t conductance;
    int32_t sum;
    const int32_t *words;
    int32_t upper;
    int32_t shifts;
} el_unfold;

_Static_assert(sizeof(el_unfold) == 24, "the code below has this size, and the places of members");

/* The addresses of four el_unfold, or of four EL_NEURON, from `first` on. */
#define EL_FOUR_UNFOLDS(first) vaddq_n_u32(vmulq_n_u32(vidupq_n_u32(0, 8), 3), (uint32_t)(first))
#define EL_FOUR_NEURONS(first) vaddq_n_u32(vmulq_n_u32(vidupq_n_u32(0, 4), 7), (uint32_t)(first))

/* In two loops, for a compiler has few registers left where this is inlined. */
static inline void el_unfold_begin(int32_t *potentials, el_unfold *u, const int16_t *v,
                                   const int16_t *r, const uint16_t *place, uint32_t n)
{
    const uint16_t *from = place;
    uint32x4_t at = EL_FOUR_UNFOLDS((uint32_t)&u->upper - 96U);

    __asm__ volatile("vmov.i32 q3, #0x8000\n\t"
            "dlstp.32 lr, %[n]\n"
            "1:\n\t"
            "vldrh.u32 q0, [%[place]], #8\n\t"
            "vldrh.s32 q1, [%[v], q0, uxtw #1]\n\t"
            "vldrh.s32 q2, [%[lower], q0, uxtw #1]\n\t"
            "vshl.i32 q1, q1, #16\n\t"
            "vadd.i32 q1, q1, q2\n\t"
            "vadd.i32 q1, q1, q3\n\t"
            "vstrw.32 q1, [%[potentials]], #16\n\t"
            "letp lr, 1b"
            : [place] "+&l"(from), [potentials] "+&r"(potentials)
            : [v] "r"(v), [lower] "r"(&v[n]), [n] "r"(n)
            : "q0", "q1", "q2", "q3", "lr", "memory");
    __asm__ volatile("dlstp.32 lr, %[n]\n"
            "1:\n\t"
            "vldrh.u32 q0, [%[place]], #8\n\t"
            "vldrh.s32 q1, [%[r], q0, uxtw #1]\n\t"
            "vshl.i32 q1, q1, #16\n\t"
            "vstrw.32 q1, [%q[at], #96]!\n\t"
            "vldrh.s32 q1, [%[scale], q0, uxtw #1]\n\t"
            "vldrh.s32 q2, [%[net], q0, uxtw #1]\n\t"
            "vneg.s32 q1, q1\n\t"
            "vqshlu.s32 q0, q2, #0\n\t"           /* left */
            "vsub.i32 q2, q2, q0\n\t"             /* -right */
            "vsli.32 q2, q1, #8\n\t"
            "vsli.32 q2, q0, #16\n\t"
            "vstrw.32 q2, [%q[at], #4]\n\t"
            "letp lr, 1b"
            : [place] "+&l"(place), [at] "+&w"(at)
            : [r] "r"(r), [scale] "r"(&r[n]), [net] "r"(&r[2U * n]), [n] "r"(n)
            : "q0", "q1", "q2", "lr", "memory");
}

static inline void el_unfold_end(int16_t *y, const int32_t *potentials, const uint16_t *place,
                                 uint32_t n)
{
    __asm__ volatile("vmov.i32 q3, #0x8000\n\t"
            "dlstp.32 lr, %[n]\n"
            "1:\n\t"
            "vldrh.u32 q0, [%[place]], #8\n\t"
            "vldrw.u32 q1, [%[potentials]], #16\n\t"
            "vshr.s32 q2, q1, #16\n\t"
            "vsub.i32 q1, q1, q3\n\t"
            "vstrh.32 q2, [%[y], q0, uxtw #1]\n\t"
            "vstrh.32 q1, [%[lower], q0, uxtw #1]\n\t"
            "letp lr, 1b"
            : [place] "+&l"(place), [potentials] "+&r"(potentials)
            : [y] "r"(y), [lower] "r"(&y[n]), [n] "r"(n)
            : "q0", "q1", "q2", "q3", "lr", "memory");
}

/* Saturates the lanes of a vector, where `held` is 1. */
#define EL_FITTED_0(sum) ""
#define EL_FITTED_1(sum) "vqmovnb.s32 " sum ", " sum "\n\tvmovlb.s16 " sum ", " sum "\n\t"

/* From the sums I in q1 and G in q2, by the words at q0 + 4: q1 is I, held between lo G and hi G,
 * less hi G. */
#define EL_LANES_HELD(left, held_current, held_conductance) \
    "vldrw.u32 q3, [q0, #8]\n\t"                            \
    "vneg.s32 q3, q3\n\t"                                   \
    "vshl.s32 q2, q2, q3\n\t"                               \
    EL_FITTED_##held_conductance("q2")                      \
    "vldrw.u32 q3, [q0, #4]\n\t"                            \
    "vneg.s32 q3, q3\n\t"                                   \
    "vshl.s32 q1, q1, q3\n\t"                               \
    EL_FITTED_##held_current("q1")                          \
    ".if " #left " > 0\n\t"                                 \
    "vshl.i32 q1, q1, #" #left "\n\t"                       \
    ".endif\n\t"                                            \
    ".if " #left " < 0\n\t"                                 \
    "vldrw.u32 q3, [q0, #4]\n\t"                            \
    "vshr.u32 q3, q3, #8\n\t"                               \
    "vshl.s32 q1, q1, q3\n\t"                               \
    ".endif\n\t"                                            \
    "vldrw.u32 q3, [q0, #12]\n\t"                           \
    "vmul.i32 q3, q3, q2\n\t"                               \
    "vsub.i32 q1, q1, q3\n\t"                               \
    "vqshlu.s32 q1, q1, #0\n\t"                             \
    "vldrw.u32 q3, [q0, #16]\n\t"                           \
    "vmul.i32 q3, q3, q2\n\t"                               \
    "vsub.i32 q1, q1, q3\n\t"                               \
    "vshr.s32 q3, q1, #31\n\t"                              \
    "vand q1, q1, q3\n\t"

#define EL_UP_LANES(up, lanes)                         \
    ".if " #up " > 0\n\t"                              \
    "vshl.i32 " lanes ", " lanes ", #" #up "\n\t"      \
    ".endif\n\t"

/* q1 is the drive, q4 the divisor, q6 the shifts, q5 the potentials: with the quotient added they
 * are y. */
#define EL_LANES_MOVED                          \
    "vshr.s32 q2, q4, #1\n\t"                   \
    "vadd.i32 q1, q1, q2\n\t"                   \
    "vshr.s32 q2, q1, #31\n\t"                  \
    "veor q1, q1, q2\n\t"                       \
    "vmov %[a], %[b], q1[2], q1[0]\n\t"         \
    "vmov %[c], %[d], q4[2], q4[0]\n\t"         \
    "udiv %[a], %[a], %[c]\n\t"                 \
    "udiv %[b], %[b], %[d]\n\t"                 \
    "vmov q1[2], q1[0], %[a], %[b]\n\t"         \
    "vmov %[a], %[b], q1[3], q1[1]\n\t"         \
    "vmov %[c], %[d], q4[3], q4[1]\n\t"         \
    "udiv %[a], %[a], %[c]\n\t"                 \
    "udiv %[b], %[b], %[d]\n\t"                 \
    "vmov q1[3], q1[1], %[a], %[b]\n\t"         \
    "veor q1, q1, q2\n\t"                       \
    "vshr.s32 q6, q6, #16\n\t"                  \
    "vshl.s32 q1, q1, q6\n\t"                   \
    "vadd.i32 q1, q1, q5\n\t"                   \
    "vstrw.32 q1, [%[y]], #16\n\t"

/* EL_MOVED(name, left, up, held_current, held_conductance) defines
 *     void name(int32_t *y, const int32_t *v, const el_unfold *u, int32_t n)
 * which moves n neurons, whose currents y has. Lanes behind the last one keep a divisor that is not
 * 0. */
#define EL_MOVED(name, left_by, up, held_current, held_conductance)                            \
    static inline void name(int32_t *y, const int32_t *v, const el_unfold *u, int32_t n)       \
    {                                                                                          \
        uint32x4_t at = EL_FOUR_UNFOLDS((uint32_t)&u->words - 96U);                            \
        uint32_t b, c, d;                                                                      \
                                                                                               \
        __asm__ volatile("vmov.i32 q4, #1\n\t"                                                 \
                "dlstp.32 lr, %[a]\n"                                                          \
                "1:\n\t"                                                                       \
                "vldrw.u32 q0, [%q[at], #96]!\n\t"                                             \
                "vldrw.u32 q1, [%[y]]\n\t"                                                     \
                "vldrw.u32 q2, [%q[at], #-4]\n\t"                                              \
                EL_LANES_HELD(left_by, held_current, held_conductance)                         \
                "vldrw.u32 q3, [q0, #20]\n\t"                                                  \
                "vldrw.u32 q5, [%[v]], #16\n\t"                                                \
                "vshr.s32 q6, q5, #16\n\t"                                                     \
                "vsub.i32 q3, q3, q6\n\t"                                                      \
                "vmul.i32 q3, q3, q2\n\t"                                                      \
                "vadd.i32 q1, q1, q3\n\t"                                                      \
                EL_UP_LANES(up, "q1")                                                          \
                "vldrw.u32 q6, [%q[at], #8]\n\t"                                               \
                "vshl.s32 q1, q1, q6\n\t"                                                      \
                "vldrw.u32 q3, [%q[at], #4]\n\t"                                               \
                "vmulh.s32 q1, q1, q3\n\t"                                                     \
                "vshr.s32 q3, q3, #16\n\t"                                                     \
                "vmul.i32 q2, q2, q3\n\t"                                                      \
                "vshr.s32 q3, q6, #8\n\t"                                                      \
                "vshl.s32 q2, q2, q3\n\t"                                                      \
                "vldrw.u32 q3, [q0, #28]\n\t"                                                  \
                "vhadd.s32 q4, q2, q3\n\t"                                                     \
                EL_LANES_MOVED                                                                 \
                "letp lr, 1b"                                                                  \
                : [y] "+&r"(y), [v] "+&r"(v), [at] "+&w"(at), [a] "+&r"(n), [b] "=&r"(b),      \
                  [c] "=&r"(c), [d] "=&r"(d)                                                   \
                :                                                                              \
                : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "lr", "memory");                   \
    }

/* q4 takes the divisors from q3, for a load would clear the lanes behind the last neuron. */
static inline void el_unfold_still(int32_t *y, const int32_t *v, const el_unfold *u,
                                   int32_t n, uint32_t bits)
{
    uint32x4_t at = EL_FOUR_UNFOLDS((uint32_t)u - 96U);
    uint32_t b, c, d;

    (void)bits;
    __asm__ volatile("vmov.i32 q4, #1\n\t"
            "dlstp.32 lr, %[a]\n"
            "1:\n\t"
            "vldrw.u32 q1, [%q[at], #96]!\n\t"
            "vldrw.u32 q2, [%q[at], #4]\n\t"
            "vldrw.u32 q5, [%[v]], #16\n\t"
            "vshr.s32 q3, q5, #16\n\t"
            "vmul.i32 q2, q2, q3\n\t"
            "vsub.i32 q1, q1, q2\n\t"
            "vldrw.u32 q6, [%q[at], #20]\n\t"
            "vshl.s32 q1, q1, q6\n\t"
            "vldrw.u32 q3, [%q[at], #16]\n\t"
            "vmulh.s32 q1, q1, q3\n\t"
            "vldrw.u32 q3, [%q[at], #8]\n\t"
            "vmov q4, q3\n\t"
            EL_LANES_MOVED
            "letp lr, 1b"
            : [y] "+&r"(y), [v] "+&r"(v), [at] "+&w"(at), [a] "+&r"(n), [b] "=&r"(b),
              [c] "=&r"(c), [d] "=&r"(d)
            :
            : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "lr", "memory");
}

#define EL_UNFOLD_CONSTANTS(u, w, count, left, up, held_current, held_conductance) \
    do {                                                                                       \
        uint32x4_t at = EL_FOUR_UNFOLDS((uint32_t)(u) - 96U);                                  \
        uint32x4_t words = EL_FOUR_NEURONS((uint32_t)(w) - 4U);                                \
                                                                                               \
        __asm__ volatile("dlstp.32 lr, %[n]\n"                                                 \
                "1:\n\t"                                                                       \
                "vmov q0, %q[words]\n\t"                                                       \
                "vldrw.u32 q1, [%q[at], #96]!\n\t"                                             \
                "vldrw.u32 q2, [%q[at], #4]\n\t"                                               \
                EL_LANES_HELD(left, held_current, held_conductance)                            \
                "vldrw.u32 q3, [q0, #20]\n\t"                                                  \
                "vmul.i32 q3, q3, q2\n\t"                                                      \
                "vadd.i32 q1, q1, q3\n\t"                                                      \
                EL_UP_LANES(up, "q1")                                                          \
                "vstrw.32 q1, [%q[at]]\n\t"                                                    \
                "vldrw.u32 q3, [%q[at], #16]\n\t"                                              \
                "vshr.s32 q3, q3, #16\n\t"                                                     \
                "vmul.i32 q1, q2, q3\n\t"                                                      \
                EL_UP_LANES(up, "q2")                                                          \
                "vstrw.32 q2, [%q[at], #4]\n\t"                                                \
                "vldrw.u32 q3, [%q[at], #20]\n\t"                                              \
                "vshr.s32 q3, q3, #8\n\t"                                                      \
                "vshl.s32 q1, q1, q3\n\t"                                                      \
                "vldrw.u32 q3, [q0, #28]\n\t"                                                  \
                "vhadd.s32 q1, q1, q3\n\t"                                                     \
                "vstrw.32 q1, [%q[at], #8]\n\t"                                                \
                "vadd.i32 %q[words], %q[words], %[size]\n\t"                                   \
                "letp lr, 1b"                                                                  \
                : [at] "+&w"(at), [words] "+&w"(words)                                         \
                : [size] "r"(4 * 28), [n] "r"(count)                                           \
                : "q0", "q1", "q2", "q3", "lr", "memory");                                     \
    } while (0)

#endif
