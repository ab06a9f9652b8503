/* SPDX-License-Identifier: 0BSD */
#include <string.h>

/* Keeps a compiler from recognising the loop as memcpy, or memset, and replacing it by a call of
 * the very function that it is in. */
#define KEEP_THE_LOOP __asm__ volatile("" ::: "memory")

/* A word, which may be read and written where there are bytes of any type. */
typedef unsigned __attribute__((may_alias)) word;

/* Whether all of these addresses, or'ed, are multiples of a word. */
static int aligned(size_t addresses)
{
    return (addresses % sizeof(word)) == 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    unsigned char *d = to;
    const unsigned char *s = from;
    if (aligned((size_t)d | (size_t)s)) {
        for (; n >= sizeof(word); n -= sizeof(word)) {
            *(word *)(void *)d = *(const word *)(const void *)s;
            d += sizeof(word);
            s += sizeof(word);
            KEEP_THE_LOOP;
        }
    }
    while (n--) {
        *d++ = *s++;
        KEEP_THE_LOOP;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    unsigned char *d = to;
    const unsigned char *s = from;
    if (d < s)
        return memcpy(to, from, n); /* forwards, which is correct if `to` is below `from` */
    while (n--) {
        d[n] = s[n];
        KEEP_THE_LOOP;
    }
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    unsigned char *d = to;
    const unsigned filled = (unsigned char)byte * 0x01010101U;
    if (aligned((size_t)d)) {
        for (; n >= sizeof(word); n -= sizeof(word)) {
            *(word *)(void *)d = filled;
            d += sizeof(word);
            KEEP_THE_LOOP;
        }
    }
    while (n--) {
        *d++ = (unsigned char)byte;
        KEEP_THE_LOOP;
    }
    return to;
}

size_t strlen(const char *text)
{
    size_t n = 0;
    while (text[n]) {
        n++;
        KEEP_THE_LOOP;
    }
    return n;
}
