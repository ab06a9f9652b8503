/* From a clock and a rate to a divisor. */
#ifndef BAUD_H
#define BAUD_H

#include <stdint.h>

/* clock / baud, rounded; 0 when that misses the rate by more than 2 %, of which a UART that
 * samples ten bits stands no more than about 4 for both ends together. */
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
