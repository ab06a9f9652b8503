/* SPDX-License-Identifier: 0BSD */
/* Any target with a C99 compiler: no instructions of its own, every function in C.
 *
 * el_core.h chooses this file for a target that has no row there. */
#ifndef EL_CORE_PORTABLE_H
#define EL_CORE_PORTABLE_H

/* The weights of two neighbouring inputs: two int16_t in one word, the even one in the lower
 * half, as el_pairs.h reads them. */
#define EL_PAIR(even, odd) (((odd) * 65536) + ((even) & 0xFFFF))

/* The last words of a table of weights: a zero that nothing reads. */
#define EL_TAIL 0

/* How many words these are, and the number of this layout of tables in el_block.h. */
#define EL_PAIR_WORDS 1U
#define EL_TAIL_WORDS 1U
#define EL_SYNAPSES1_WORDS 5U
#define EL_SYNAPSES2_WORDS 10U
#define EL_TABLES 1U

#endif
