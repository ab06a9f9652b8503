/* SPDX-License-Identifier: 0BSD */
/* The version of the runtime: of the interface between generated models and these kernels.
 *
 * All models of a program share one runtime. A model states the version for which it was generated
 * and does not compile with another one. It is raised with every change of the interface: what
 * generated C and assembler name, what functions take, how tables are laid out. */
#ifndef EL_VERSION_H
#define EL_VERSION_H

#define ELEGANS_RUNTIME_VERSION 9

#endif
