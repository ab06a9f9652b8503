/* SPDX-License-Identifier: 0BSD */
/* The UART 16550 of National Semiconductor, with registers of one byte each: FIFOs of 16. */
#include "baud.h"
#include "board.h"
#include "config.h"
#include "core_registers.h"

#define BYTE(offset) (*(volatile uint8_t *)(BOARD_UART_BASE + (offset)))
#define DATA BYTE(0)
#define INTERRUPTS BYTE(1)
#define FIFO BYTE(2)
#define LINE BYTE(3)
#define STATUS BYTE(5)
#define DIVISOR_LOW BYTE(0)  /* these two while DIVISORS is set in LINE */
#define DIVISOR_HIGH BYTE(1)

enum { RX_INTERRUPT = 1 };                                 /* INTERRUPTS */
enum { FIFOS = 1, CLEAR_BOTH = 6 };                        /* FIFO: interrupt at 1 byte */
enum { BITS_8 = 3, DIVISORS = 0x80 };                      /* LINE */
enum { RX_FULL = 1, TX_EMPTY = 1 << 5, TX_IDLE = 1 << 6 }; /* STATUS */

int uart_baud(uint32_t baud)
{
    uint32_t divisor = baud_divisor(BOARD_UART_CLOCK / 16, baud);
    if (divisor == 0 || divisor > 0xFFFF)
        return 0;
    LINE = BITS_8 | DIVISORS;
    DIVISOR_LOW = (uint8_t)divisor;
    DIVISOR_HIGH = (uint8_t)(divisor >> 8);
    LINE = BITS_8;
    return 1;
}

void uart_init(void)
{
    (void)uart_baud(BOARD_BAUD);
    FIFO = FIFOS | CLEAR_BOTH;
    INTERRUPTS = RX_INTERRUPT;
    interrupt_enable(BOARD_UART_IRQ);
}

void uart_send(uint8_t byte)
{
    while (!(STATUS & TX_EMPTY)) {
    }
    DATA = byte;
}

void uart_drain(void)
{
    while (!(STATUS & TX_IDLE)) {
    }
}

void uart_interrupt(void)
{
    while (STATUS & RX_FULL)
        serial_receive(DATA);
}
