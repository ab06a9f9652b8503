/* SPDX-License-Identifier: 0BSD */
/* The receive buffer of board.h. */
#include "board.h"
#include "config.h"

_Static_assert((BOARD_CREDIT & (BOARD_CREDIT - 1)) == 0, "the ring's size must be a power of two");

/* A ring buffer. Only the interrupt writes `head`, only the main loop writes `tail`. Both count
 * bytes modulo 2^32, and head - tail is the number of bytes in the ring. */
static volatile uint8_t ring[BOARD_CREDIT];
static volatile uint32_t head, tail;

void serial_receive(uint8_t byte)
{
    uint32_t at = head;
    if (at - tail < BOARD_CREDIT) {
        ring[at % BOARD_CREDIT] = byte;
        head = at + 1;
    }
}

uint32_t serial_received(void)
{
    return head;
}

int serial_ready(void)
{
    return head != tail;
}

uint8_t serial_take(void)
{
    uint32_t at = tail;
    uint8_t byte = ring[at % BOARD_CREDIT];
    tail = at + 1;
    return byte;
}
