/* SPDX-License-Identifier: 0BSD */
/* The USART of STM32 F1, F2 and F4: status and data in SR and DR, one byte of buffer each way. */
#include "baud.h"
#include "board.h"
#include "config.h"
#include "cortex_m.h"

typedef struct {
    volatile uint32_t sr;
    volatile uint32_t dr;
    volatile uint32_t brr;
    volatile uint32_t cr1;
} stm32f_usart;

#define USART ((stm32f_usart *)BOARD_UART_BASE)

enum { SR_ORE = 1 << 3, SR_RXNE = 1 << 5, SR_TC = 1 << 6, SR_TXE = 1 << 7 };
enum { CR1_RE = 1 << 2, CR1_TE = 1 << 3, CR1_RXNEIE = 1 << 5, CR1_UE = 1 << 13 };

int uart_baud(uint32_t baud)
{
    uint32_t divisor = baud_divisor(BOARD_UART_CLOCK, baud);
    if (divisor < 16 || divisor > 0xFFFF)
        return 0;
    USART->brr = divisor;
    return 1;
}

void uart_init(void)
{
    (void)uart_baud(BOARD_BAUD);
    USART->cr1 = CR1_UE | CR1_TE | CR1_RE | CR1_RXNEIE;
    interrupt_enable(BOARD_UART_IRQ);
}

void uart_send(uint8_t byte)
{
    while (!(USART->sr & SR_TXE)) {
    }
    USART->dr = byte;
}

void uart_drain(void)
{
    while (!(USART->sr & SR_TC)) {
    }
}

void uart_interrupt(void)
{
    /* Reading SR, then DR also clears the overrun flag, which would otherwise interrupt without
     * end. */
    uint32_t status;
    while ((status = USART->sr) & (SR_RXNE | SR_ORE)) {
        uint8_t byte = (uint8_t)USART->dr;
        if (status & SR_RXNE)
            serial_receive(byte);
    }
}
