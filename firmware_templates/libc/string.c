#include <string.h>

/* Keeps a compiler from recognising the loop as memcpy, or memset, and replacing it by a call of
 * the very function that it is in. */
#define KEEP_THE_LOOP __asm__ volatile("" ::: "memory")

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    unsigned char *d = to;
    const unsigned char *s = from;
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
        return memcpy(to, from, n); /* forwards, byte by byte, which is correct if `to` is below `from` */
    while (n--) {
        d[n] = s[n];
        KEEP_THE_LOOP;
    }
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    unsigned char *d = to;
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
