/* The four functions of <string.h> that a model, the link, and a compiler on its own
 * account call. Bare-metal zig comes without this header, gcc with or without it. */
#ifndef ELEGANS_STRING_H
#define ELEGANS_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
size_t strlen(const char *text);

#endif
