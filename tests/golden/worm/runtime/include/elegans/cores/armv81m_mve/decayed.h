/* SPDX-License-Identifier: 0BSD */
/* The loop of el_decayed on Armv8.1-M with MVE, by el_decayed.h: four elements a round, with tail
 * predication. q6 has the addresses of the map's next four pairs, less the 32 bytes that each load
 * adds. Shifts to the right by a number in a register are to the left by its negative, and VRSHL
 * rounds as el_rshr does. */
#ifndef EL_CORE_ARMV81M_MVE_DECAYED_H
#define EL_CORE_ARMV81M_MVE_DECAYED_H

/* `last` makes p of z, in the lower halves of q0, and of 2^-x in q3. VQABS.S16 of a lower half holds
 * the magnitude of -32768, and 2^0, at 32767. */
#define EL_DECAYED_ROUNDS(last)                                                              \
    __asm__ volatile("vmov.i32 q7, #0xFFFFF\n\t"                                             \
            "vidup.u32 q6, %[before], #8\n\t"                                                \
            "dlstp.32 lr, %[n]\n"                                                            \
            "1:\n\t"                                                                         \
            "vldrh.u32 q0, [%[z]], #8\n\t"                                                   \
            "vldrw.u32 q3, [q6, #32]!\n\t"          /* c */                                  \
            "vldrw.u32 q4, [q6, #4]\n\t"                                                     \
            "vqabs.s16 q1, q0\n\t"                  /* |z| */                                \
            "vmul.i32 q1, q1, q3\n\t"                                                        \
            "vadd.i32 q1, q1, q4\n\t"                                                        \
            "vshr.s32 q1, q1, #16\n\t"                                                       \
            "vmul.i32 q1, q1, %[dt]\n\t"                                                     \
            "vrshl.s32 q1, %[shift]\n\t"                                                     \
            "vmin.s32 q1, q1, q7\n\t"               /* x */                                  \
            "vshl.i32 q2, q1, #17\n\t"                                                       \
            "vshr.u32 q2, q2, #25\n\t"                                                       \
            "vldrw.u32 q3, [%[halvings], q2, uxtw #2]\n\t"                                   \
            "vmullb.u8 q2, q1, q3\n\t"              /* place in the segment times slope */   \
            "vshllb.u16 q2, q2, #8\n\t"                                                      \
            "vsub.i32 q3, q3, q2\n\t"                                                        \
            "vshr.u32 q3, q3, #16\n\t"                                                       \
            "vqabs.s16 q3, q3\n\t"                                                           \
            "vshr.s32 q1, q1, #15\n\t"                                                       \
            "vneg.s32 q1, q1\n\t"                                                            \
            "vrshl.s32 q3, q3, q1\n\t"              /* 2^-x */                               \
            last                                                                             \
            "vstrh.32 q0, [%[p]], #8\n\t"                                                    \
            "letp lr, 1b"                                                                    \
            : [z] "+&l"(z), [p] "+&l"(p), [before] "+&Te"(before)                            \
            : [dt] "r"(dt), [shift] "r"(shift), [down] "r"(finer),                           \
              [halvings] "r"(el_halvings), [n] "r"(n)                                        \
            : "q0", "q1", "q2", "q3", "q4", "q6", "q7", "lr", "memory")

static inline void el_decayed_all(int16_t *p, const int16_t *z, int16_t dt, const int32_t *map,
                                  uint32_t time, uint32_t gain, uint32_t most, uint32_t n)
{
    const int32_t shift = -(int32_t)time;
    const int32_t finer = -(int32_t)gain;
    uint32_t before = (uint32_t)map - 32U;

    (void)most;
    if (gain == 15U) {
        EL_DECAYED_ROUNDS("vqrdmulh.s16 q0, q0, q3\n\t");
    } else {
        EL_DECAYED_ROUNDS("vmullb.s16 q0, q0, q3\n\t"
                          "vrshl.s32 q0, %[down]\n\t"
                          "vqmovnb.s32 q0, q0\n\t");
    }
}

#endif
