/* SPDX-License-Identifier: 0BSD */
/* The divisor by which a UART makes a rate from its clock. */
#ifndef BAUD_H
#define BAUD_H

#include <stdint.h>

/* clock / baud, rounded to the nearest; 0 if that misses the rate by more than 2 %. A receiver
 * samples ten bits from the start bit on, the last one 9.5 bits later, and reads it wrongly if
 * the two ends differ by half a bit in 9.5: about 5 %. Sampling at sixteenths of a bit leaves
 * about 4 %, of which this end may take half. */
static inline uint32_t baud_divisor(uint32_t clock, uint32_t baud)
{
    uint32_t divisor = baud == 0 ? 0 : (clock + baud / 2) / baud;
    if (divisor == 0)
        return 0;
    uint32_t made = clock / divisor;
    uint32_t off = made > baud ? made - baud : baud - made;
    return off <= baud / 50 ? divisor : 0;
}

#endif
