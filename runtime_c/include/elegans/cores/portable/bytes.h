/* SPDX-License-Identifier: 0BSD */
/* Tables of int8 weights where the kernels take a pair of inputs at a time: a word has the
 * weights of two rows, in the order in which SXTB16 widens every other byte. Of three rows, the
 * last has a word of its own for two pairs, or for one that is left over. */
#ifndef EL_CORE_PORTABLE_BYTES_H
#define EL_CORE_PORTABLE_BYTES_H

#define EL_BYTES4_1(f0, f1, g0, g1, t0, t1, r0, r1) \
    EL_WORD(f0, g0, f1, g1), EL_WORD(t0, r0, t1, r1)

#define EL_BYTES4_2(f0, f1, f2, f3, g0, g1, g2, g3, t0, t1, t2, t3, r0, r1, r2, r3) \
    EL_BYTES4_1(f0, f1, g0, g1, t0, t1, r0, r1), EL_BYTES4_1(f2, f3, g2, g3, t2, t3, r2, r3)

#define EL_BYTES4_3(f0, f1, f2, f3, f4, f5, g0, g1, g2, g3, g4, g5,                      \
                    t0, t1, t2, t3, t4, t5, r0, r1, r2, r3, r4, r5)                      \
    EL_BYTES4_2(f0, f1, f2, f3, g0, g1, g2, g3, t0, t1, t2, t3, r0, r1, r2, r3),         \
    EL_BYTES4_1(f4, f5, g4, g5, t4, t5, r4, r5)

#define EL_BYTES4_4(f0, f1, f2, f3, f4, f5, f6, f7, g0, g1, g2, g3, g4, g5, g6, g7,      \
                    t0, t1, t2, t3, t4, t5, t6, t7, r0, r1, r2, r3, r4, r5, r6, r7)      \
    EL_BYTES4_2(f0, f1, f2, f3, g0, g1, g2, g3, t0, t1, t2, t3, r0, r1, r2, r3),         \
    EL_BYTES4_2(f4, f5, f6, f7, g4, g5, g6, g7, t4, t5, t6, t7, r4, r5, r6, r7)

#define EL_BYTES3_1(f0, f1, g0, g1, t0, t1) EL_WORD(f0, g0, f1, g1), EL_WORD(t0, 0, t1, 0)

#define EL_BYTES3_2(f0, f1, f2, f3, g0, g1, g2, g3, t0, t1, t2, t3) \
    EL_WORD(f0, g0, f1, g1), EL_WORD(f2, g2, f3, g3), EL_WORD(t0, t2, t1, t3)

#define EL_BYTES3_3(f0, f1, f2, f3, f4, f5, g0, g1, g2, g3, g4, g5, t0, t1, t2, t3, t4, t5) \
    EL_BYTES3_2(f0, f1, f2, f3, g0, g1, g2, g3, t0, t1, t2, t3),                            \
    EL_BYTES3_1(f4, f5, g4, g5, t4, t5)

#define EL_BYTES3_4(f0, f1, f2, f3, f4, f5, f6, f7, g0, g1, g2, g3, g4, g5, g6, g7,      \
                    t0, t1, t2, t3, t4, t5, t6, t7)                                      \
    EL_BYTES3_2(f0, f1, f2, f3, g0, g1, g2, g3, t0, t1, t2, t3),                         \
    EL_BYTES3_2(f4, f5, f6, f7, g4, g5, g6, g7, t4, t5, t6, t7)

#endif
