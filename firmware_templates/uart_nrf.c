/* SPDX-License-Identifier: 0BSD */
/* The UART of Nordic's nRF51 and nRF52, without DMA: six bytes of buffer in, one out. */
#include "board.h"
#include "config.h"
#include "cortex_m.h"

#define START_RX REGISTER(BOARD_UART_BASE + 0x000)
#define START_TX REGISTER(BOARD_UART_BASE + 0x008)
#define RX_READY REGISTER(BOARD_UART_BASE + 0x108)
#define TX_READY REGISTER(BOARD_UART_BASE + 0x11C)
#define INTERRUPT_SET REGISTER(BOARD_UART_BASE + 0x304)
#define ENABLE REGISTER(BOARD_UART_BASE + 0x500)
#define RXD REGISTER(BOARD_UART_BASE + 0x518)
#define TXD REGISTER(BOARD_UART_BASE + 0x51C)
#define BAUDRATE REGISTER(BOARD_UART_BASE + 0x524)

enum { RX_READY_INTERRUPT = 1 << 2 }; /* INTERRUPT_SET */
enum { ENABLED = 4 };                 /* ENABLE */

/* Whether a byte has been sent at all: TX_READY is set when one has left, so before the first
 * there is nothing to wait for. */
static uint8_t begun;

int uart_baud(uint32_t baud)
{
    /* The settings that the manuals list: about baud * 2^32 / 16 MHz, in multiples of 2^12. */
    static const struct {
        uint32_t baud, setting;
    } known[] = {
        {115200, 0x01D7E000u}, {230400, 0x03AFB000u}, {460800, 0x075F7000u},
        {921600, 0x0EBED000u}, {1000000, 0x10000000u},
    };
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].baud == baud) {
            BAUDRATE = known[i].setting;
            return 1;
        }
    }
    return 0;
}

void uart_init(void)
{
    (void)uart_baud(BOARD_BAUD);
    ENABLE = ENABLED;
    INTERRUPT_SET = RX_READY_INTERRUPT;
    interrupt_enable(BOARD_UART_IRQ);
    START_TX = 1;
    START_RX = 1;
}

void uart_drain(void)
{
    while (begun && !TX_READY) {
    }
}

void uart_send(uint8_t byte)
{
    uart_drain();
    TX_READY = 0;
    TXD = byte;
    begun = 1;
}

void uart_interrupt(void)
{
    while (RX_READY) {
        RX_READY = 0;
        serial_receive((uint8_t)RXD);
    }
}
