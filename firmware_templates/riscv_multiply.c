/* SPDX-License-Identifier: 0BSD */
/* Products on a core without a multiplier, by a number of instructions that does not depend on the
 * operands. The linker takes these instead of the compiler's, which stop at the highest bit. */
#include <stdint.h>

#ifndef __riscv_mul

uint64_t __muldi3(uint64_t a, uint64_t b);

#define MULTIPLE(at)             \
    "add a2, a2, a0\n\t"         \
    "sw a2, " at "(sp)\n\t"

/* The product so far times 16, plus a times the next four bits of b. */
#define DIGIT(shift)             \
    "slli a3, a3, 4\n\t"         \
    shift "\n\t"                 \
    "andi a2, a2, 60\n\t"        \
    "add a2, a2, sp\n\t"         \
    "lw a2, 0(a2)\n\t"           \
    "add a3, a3, a2\n\t"

/* uint32_t __mulsi3(uint32_t a, uint32_t b): a times 0 to 15 are put on the stack, and each digit of
 * b, to the base 16, then takes one of them. */
__asm__(".section .text.__mulsi3, \"ax\", @progbits\n\t"
        ".global __mulsi3\n\t"
        ".type __mulsi3, @function\n"
        "__mulsi3:\n\t"
        "addi sp, sp, -64\n\t"
        "sw zero, 0(sp)\n\t"
        "sw a0, 4(sp)\n\t"
        "mv a2, a0\n\t"
        MULTIPLE("8") MULTIPLE("12") MULTIPLE("16") MULTIPLE("20") MULTIPLE("24")
        MULTIPLE("28") MULTIPLE("32") MULTIPLE("36") MULTIPLE("40") MULTIPLE("44")
        MULTIPLE("48") MULTIPLE("52") MULTIPLE("56") MULTIPLE("60")
        "li a3, 0\n\t"
        DIGIT("srli a2, a1, 26") DIGIT("srli a2, a1, 22") DIGIT("srli a2, a1, 18")
        DIGIT("srli a2, a1, 14") DIGIT("srli a2, a1, 10") DIGIT("srli a2, a1, 6")
        DIGIT("srli a2, a1, 2") DIGIT("slli a2, a1, 2")
        "mv a0, a3\n\t"
        "addi sp, sp, 64\n\t"
        "ret\n\t"
        ".size __mulsi3, . - __mulsi3\n\t"
        ".text");

/* By halves of 32 bits, and these by halves of 16. */
__attribute__((used)) uint64_t __muldi3(uint64_t a, uint64_t b)
{
    const uint32_t low_a = (uint32_t)a, low_b = (uint32_t)b;
    const uint32_t a0 = low_a & 0xFFFF, a1 = low_a >> 16, b0 = low_b & 0xFFFF, b1 = low_b >> 16;
    const uint32_t first = a0 * b0;
    const uint32_t middle = a1 * b0 + (first >> 16);
    const uint32_t other = a0 * b1 + (middle & 0xFFFF);
    const uint32_t upper = a1 * b1 + (middle >> 16) + (other >> 16);
    const uint32_t crossed = (uint32_t)(a >> 32) * low_b + low_a * (uint32_t)(b >> 32);

    return (uint64_t)(upper + crossed) << 32 | (other << 16 | (first & 0xFFFF));
}

#endif
