/* SPDX-License-Identifier: 0BSD */
/* Start-up of a peer: the vector table, the coprocessors' access, and a main that does nothing. */
#include <stdint.h>

extern uint32_t stack_top;
void reset(void);
int main(void);

__attribute__((section(".vectors"), used)) void *const vectors[] = {&stack_top, (void *)reset};

__attribute__((section(".start"), used)) void reset(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb");
#endif
    main();
}

__attribute__((section(".start"), used, noinline)) int main(void)
{
    for (;;) {
    }
}

/* A peer copies floats only, whole words that are aligned. */
__attribute__((optimize("no-tree-loop-distribute-patterns"))) void *
memcpy(void *restrict to, const void *restrict from, unsigned int bytes)
{
    uint32_t *d = to;
    const uint32_t *s = from;
    for (; bytes >= 16u; bytes -= 16u, d += 4, s += 4) {
        const uint32_t a = s[0], b = s[1], c = s[2], e = s[3];
        d[0] = a;
        d[1] = b;
        d[2] = c;
        d[3] = e;
    }
    for (; bytes != 0u; bytes -= 4u) {
        *d++ = *s++;
    }
    return to;
}
