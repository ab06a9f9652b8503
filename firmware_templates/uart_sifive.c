/* SPDX-License-Identifier: 0BSD */
/* The UART of SiFive's cores, as on the FE310: FIFOs of 8. */
#include "baud.h"
#include "board.h"
#include "config.h"
#include "core_registers.h"

#define TX_DATA REGISTER(BOARD_UART_BASE + 0x00)
#define RX_DATA REGISTER(BOARD_UART_BASE + 0x04)
#define TX_CONTROL REGISTER(BOARD_UART_BASE + 0x08)
#define RX_CONTROL REGISTER(BOARD_UART_BASE + 0x0C)
#define INTERRUPT_ENABLE REGISTER(BOARD_UART_BASE + 0x10)
#define DIVISOR REGISTER(BOARD_UART_BASE + 0x18)

#define TX_FULL (1u << 31)  /* TX_DATA */
#define RX_EMPTY (1u << 31) /* RX_DATA, beside the byte */
enum { ENABLE = 1 };        /* controls; level 0: more than 0 received bytes interrupt */
enum { RX_INTERRUPT = 2 };  /* INTERRUPT_ENABLE */

int uart_baud(uint32_t baud)
{
    uint32_t divisor = baud_divisor(BOARD_UART_CLOCK, baud);
    if (divisor < 17 || divisor > 0x10000) /* 16 samples a bit */
        return 0;
    DIVISOR = divisor - 1;
    return 1;
}

void uart_init(void)
{
    (void)uart_baud(BOARD_BAUD);
    TX_CONTROL = ENABLE;
    RX_CONTROL = ENABLE;
    INTERRUPT_ENABLE = RX_INTERRUPT;
    interrupt_enable(BOARD_UART_IRQ);
}

void uart_send(uint8_t byte)
{
    while (TX_DATA & TX_FULL) {
    }
    TX_DATA = byte;
}

void uart_drain(void)
{
    /* Nothing tells when the FIFO is empty: wait for as long as its 8 bytes, and the one in the
     * shift register, may take. A turn of this loop takes at least one clock. */
    for (volatile uint32_t i = 0; i < 9 * 10 * (DIVISOR + 1); i++) {
    }
}

void uart_interrupt(void)
{
    for (uint32_t data = RX_DATA; !(data & RX_EMPTY); data = RX_DATA)
        serial_receive((uint8_t)data);
}
