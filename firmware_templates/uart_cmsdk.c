/* SPDX-License-Identifier: 0BSD */
/* The UART of Arm's CMSDK, as on the MPS2 boards: one byte of buffer each way. */
#include "baud.h"
#include "board.h"
#include "config.h"
#include "cortex_m.h"

typedef struct {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t interrupt; /* read: what is pending; written: ones clear it */
    volatile uint32_t divisor;
} cmsdk_uart;

#define UART ((cmsdk_uart *)BOARD_UART_BASE)

enum { TX_FULL = 1, RX_FULL = 2 };                              /* state */
enum { TX_ENABLE = 1, RX_ENABLE = 2, RX_INTERRUPT_ENABLE = 8 }; /* control */
enum { RX_INTERRUPT = 2 };                                      /* interrupt */

int uart_baud(uint32_t baud)
{
    uint32_t divisor = baud_divisor(BOARD_UART_CLOCK, baud);
    if (divisor < 16)
        return 0;
    UART->divisor = divisor;
    return 1;
}

void uart_init(void)
{
    (void)uart_baud(BOARD_BAUD);
    UART->control = TX_ENABLE | RX_ENABLE | RX_INTERRUPT_ENABLE;
    interrupt_enable(BOARD_UART_IRQ);
}

void uart_send(uint8_t byte)
{
    while (UART->state & TX_FULL) {
    }
    UART->data = byte;
}

void uart_drain(void)
{
    while (UART->state & TX_FULL) {
    }
    /* The buffer is empty, but the ten bits of a byte may still be in the shift register. A turn
     * of this loop takes at least one clock, and a bit `divisor` of them. */
    for (volatile uint32_t i = 0; i < 10 * UART->divisor; i++) {
    }
}

void uart_interrupt(void)
{
    UART->interrupt = RX_INTERRUPT;
    while (UART->state & RX_FULL)
        serial_receive((uint8_t)UART->data);
}
