/* SPDX-License-Identifier: 0BSD */
/* Tables of int8 weights where a kernel takes eight inputs of one row at a time: the weights of
 * each row lie beside each other, and behind the last row of a block up to a whole word. */
#ifndef EL_CORE_ARMV81M_MVE_BYTES_H
#define EL_CORE_ARMV81M_MVE_BYTES_H

#define EL_BYTES4_1(f0, f1, g0, g1, t0, t1, r0, r1) \
    EL_WORD(f0, f1, g0, g1), EL_WORD(t0, t1, r0, r1)

#define EL_BYTES4_2(f0, f1, f2, f3, g0, g1, g2, g3, t0, t1, t2, t3, r0, r1, r2, r3)  \
    EL_WORD(f0, f1, f2, f3), EL_WORD(g0, g1, g2, g3), EL_WORD(t0, t1, t2, t3),       \
    EL_WORD(r0, r1, r2, r3)

#define EL_BYTES4_3(f0, f1, f2, f3, f4, f5, g0, g1, g2, g3, g4, g5,                  \
                    t0, t1, t2, t3, t4, t5, r0, r1, r2, r3, r4, r5)                  \
    EL_WORD(f0, f1, f2, f3), EL_WORD(f4, f5, g0, g1), EL_WORD(g2, g3, g4, g5),       \
    EL_WORD(t0, t1, t2, t3), EL_WORD(t4, t5, r0, r1), EL_WORD(r2, r3, r4, r5)

#define EL_BYTES4_4(f0, f1, f2, f3, f4, f5, f6, f7, g0, g1, g2, g3, g4, g5, g6, g7,  \
                    t0, t1, t2, t3, t4, t5, t6, t7, r0, r1, r2, r3, r4, r5, r6, r7)  \
    EL_WORD(f0, f1, f2, f3), EL_WORD(f4, f5, f6, f7), EL_WORD(g0, g1, g2, g3),       \
    EL_WORD(g4, g5, g6, g7), EL_WORD(t0, t1, t2, t3), EL_WORD(t4, t5, t6, t7),       \
    EL_WORD(r0, r1, r2, r3), EL_WORD(r4, r5, r6, r7)

#define EL_BYTES3_1(f0, f1, g0, g1, t0, t1) EL_WORD(f0, f1, g0, g1), EL_WORD(t0, t1, 0, 0)

#define EL_BYTES3_2(f0, f1, f2, f3, g0, g1, g2, g3, t0, t1, t2, t3) \
    EL_WORD(f0, f1, f2, f3), EL_WORD(g0, g1, g2, g3), EL_WORD(t0, t1, t2, t3)

#define EL_BYTES3_3(f0, f1, f2, f3, f4, f5, g0, g1, g2, g3, g4, g5, t0, t1, t2, t3, t4, t5) \
    EL_WORD(f0, f1, f2, f3), EL_WORD(f4, f5, g0, g1), EL_WORD(g2, g3, g4, g5),              \
    EL_WORD(t0, t1, t2, t3), EL_WORD(t4, t5, 0, 0)

#define EL_BYTES3_4(f0, f1, f2, f3, f4, f5, f6, f7, g0, g1, g2, g3, g4, g5, g6, g7,  \
                    t0, t1, t2, t3, t4, t5, t6, t7)                                  \
    EL_WORD(f0, f1, f2, f3), EL_WORD(f4, f5, f6, f7), EL_WORD(g0, g1, g2, g3),       \
    EL_WORD(g4, g5, g6, g7), EL_WORD(t0, t1, t2, t3), EL_WORD(t4, t5, t6, t7)

#endif
