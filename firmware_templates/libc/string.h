/* SPDX-License-Identifier: 0BSD */
/* The four functions of <string.h> that the model and the link call, and to which compilers
 * make calls of their own. zig has no <string.h> for bare metal, and gcc only with newlib. */
#ifndef ELEGANS_STRING_H
#define ELEGANS_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
size_t strlen(const char *text);

#endif
