/* SPDX-License-Identifier: 0BSD */
/* The UART of NXP's Kinetis K series: registers of eight bits. Its FIFOs stay off. */
#include "baud.h"
#include "board.h"
#include "config.h"
#include "cortex_m.h"

typedef struct {
    volatile uint8_t bdh;
    volatile uint8_t bdl;
    volatile uint8_t c1;
    volatile uint8_t c2;
    volatile uint8_t s1;
    volatile uint8_t s2;
    volatile uint8_t c3;
    volatile uint8_t d;
    volatile uint8_t ma1;
    volatile uint8_t ma2;
    volatile uint8_t c4;
} kinetis_uart;

#define UART ((kinetis_uart *)BOARD_UART_BASE)

enum { C2_RE = 1 << 2, C2_TE = 1 << 3, C2_RIE = 1 << 5 };
enum { S1_OR = 1 << 3, S1_RDRF = 1 << 5, S1_TC = 1 << 6, S1_TDRE = 1 << 7 };

int uart_baud(uint32_t baud)
{
    /* SBR counts sixteenths of a bit, BRFA 1/32 of that: clock / 16 * 32. */
    uint32_t divisor = baud_divisor(2 * BOARD_UART_CLOCK, baud);
    if (divisor < 32 || divisor > 0x1FFF * 32u)
        return 0;
    UART->bdh = (uint8_t)(divisor / 32 >> 8);
    UART->bdl = (uint8_t)(divisor / 32);
    UART->c4 = (uint8_t)(divisor % 32);
    return 1;
}

void uart_init(void)
{
    (void)uart_baud(BOARD_BAUD);
    UART->c2 = C2_TE | C2_RE | C2_RIE;
    interrupt_enable(BOARD_UART_IRQ);
}

void uart_send(uint8_t byte)
{
    while (!(UART->s1 & S1_TDRE)) {
    }
    UART->d = byte;
}

void uart_drain(void)
{
    while (!(UART->s1 & S1_TC)) {
    }
}

void uart_interrupt(void)
{
    /* Reading S1, then D clears both flags. An overrun that is not cleared interrupts without
     * end, so D is read even if it holds no byte. */
    uint8_t status;
    while ((status = UART->s1) & (S1_RDRF | S1_OR)) {
        uint8_t byte = UART->d;
        if (status & S1_RDRF)
            serial_receive(byte);
    }
}
