/* SPDX-License-Identifier: 0BSD */
/* Arm's PrimeCell UART, PL011, as on Stellaris, RP2040 and RP2350: FIFOs of at least 16. */
#include "baud.h"
#include "board.h"
#include "config.h"
#include "core_registers.h"

#define DATA REGISTER(BOARD_UART_BASE + 0x00)
#define FLAGS REGISTER(BOARD_UART_BASE + 0x18)
#define DIVISOR REGISTER(BOARD_UART_BASE + 0x24)  /* whole part */
#define FRACTION REGISTER(BOARD_UART_BASE + 0x28) /* in 1/64 */
#define LINE REGISTER(BOARD_UART_BASE + 0x2C)
#define CONTROL REGISTER(BOARD_UART_BASE + 0x30)
#define LEVELS REGISTER(BOARD_UART_BASE + 0x34)
#define INTERRUPT_MASK REGISTER(BOARD_UART_BASE + 0x38)
#define INTERRUPT_CLEAR REGISTER(BOARD_UART_BASE + 0x44)

enum { BUSY = 1 << 3, RX_EMPTY = 1 << 4, TX_FULL = 1 << 5 }; /* FLAGS */
enum { FIFOS = 1 << 4, BITS_8 = 3 << 5 };                    /* LINE */
enum { ENABLE = 1, TX_ENABLE = 1 << 8, RX_ENABLE = 1 << 9 }; /* CONTROL */
enum { RX_LEVEL = 1 << 4, RX_TIMEOUT = 1 << 6 };             /* interrupts */

int uart_baud(uint32_t baud)
{
    /* The divisor counts sixteenths of a bit, in 1/64: clock / 16 * 64. */
    uint32_t divisor = baud_divisor(4 * BOARD_UART_CLOCK, baud);
    if (divisor < 64 || divisor > 0xFFFF * 64u)
        return 0;
    uint32_t control = CONTROL;
    CONTROL = 0;
    DIVISOR = divisor / 64;
    FRACTION = divisor % 64;
    LINE = BITS_8 | FIFOS; /* the divisor takes effect with this write, so it must come last */
    CONTROL = control;
    return 1;
}

void uart_init(void)
{
    (void)uart_baud(BOARD_BAUD);
    LEVELS = 0; /* interrupt when a FIFO is 1/8 full; fewer bytes come with the time-out */
    INTERRUPT_MASK = RX_LEVEL | RX_TIMEOUT;
    CONTROL = ENABLE | TX_ENABLE | RX_ENABLE;
    interrupt_enable(BOARD_UART_IRQ);
}

void uart_send(uint8_t byte)
{
    while (FLAGS & TX_FULL) {
    }
    DATA = byte;
}

void uart_drain(void)
{
    while (FLAGS & BUSY) {
    }
}

void uart_interrupt(void)
{
    INTERRUPT_CLEAR = RX_LEVEL | RX_TIMEOUT;
    while (!(FLAGS & RX_EMPTY))
        serial_receive((uint8_t)DATA);
}
