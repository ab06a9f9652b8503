/* SPDX-License-Identifier: 0BSD */
/* The USART of STM32 L4, H7 and their generation: ISR, RDR and TDR. Its FIFO stays off. */
#include "baud.h"
#include "board.h"
#include "config.h"
#include "cortex_m.h"

typedef struct {
    volatile uint32_t cr1;
    volatile uint32_t cr2;
    volatile uint32_t cr3;
    volatile uint32_t brr;
    volatile uint32_t gtpr;
    volatile uint32_t rtor;
    volatile uint32_t rqr;
    volatile uint32_t isr;
    volatile uint32_t icr;
    volatile uint32_t rdr;
    volatile uint32_t tdr;
} stm32l_usart;

#define USART ((stm32l_usart *)BOARD_UART_BASE)

enum { CR1_UE = 1 << 0, CR1_RE = 1 << 2, CR1_TE = 1 << 3, CR1_RXNEIE = 1 << 5 };
enum { ISR_RXNE = 1 << 5, ISR_TC = 1 << 6, ISR_TXE = 1 << 7 };
enum { ICR_ORECF = 1 << 3 };

int uart_baud(uint32_t baud)
{
    uint32_t divisor = baud_divisor(BOARD_UART_CLOCK, baud);
    if (divisor < 16 || divisor > 0xFFFF)
        return 0;
    uint32_t control = USART->cr1;
    USART->cr1 = control & ~(uint32_t)CR1_UE; /* BRR can only be written while the USART is off */
    USART->brr = divisor;
    USART->cr1 = control;
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
    while (!(USART->isr & ISR_TXE)) {
    }
    USART->tdr = byte;
}

void uart_drain(void)
{
    while (!(USART->isr & ISR_TC)) {
    }
}

void uart_interrupt(void)
{
    USART->icr = ICR_ORECF; /* an overrun that is not cleared interrupts without end */
    while (USART->isr & ISR_RXNE)
        serial_receive((uint8_t)USART->rdr);
}
