/* What the main loop and the link ask of a board. uart_*.c and cortex_m.c provide it;
 * config.h, made from the board's descriptor, gives the numbers. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#include "el_link.h"

/* Core (cortex_m.c). */

/* Why the board started. Valid from the beginning of main. */
extern el_boot board_boot;

/* Sleeps until an interrupt, unless `ready` already says that there is work: asked with
 * interrupts masked, so that none can slip in between the question and the sleep. */
void board_idle(int (*ready)(void));

/* Counts processor clocks, up, in 24 bits, from when it is switched on. */
#define BOARD_TICKS_MASK 0xFFFFFFu
void board_counter(int on);
uint32_t board_ticks(void);

/* Lets the line run dry and resets the chip. */
void board_reset(void);

/* Serial port (uart_*.c). */

void uart_init(void);
void uart_send(uint8_t byte);

/* Returns when the last byte has left the pin. */
void uart_drain(void);

/* The receive interrupt; the vector table names it. It calls serial_receive. */
void uart_interrupt(void);

/* Receive buffer (serial.c). */

/* Called from the interrupt. A byte that finds the buffer full is lost: the host sends no
 * more than the credit, which is the buffer's size. */
void serial_receive(uint8_t byte);

/* Bytes received since the start, modulo 2^32. */
uint32_t serial_received(void);

int serial_ready(void);

/* The oldest byte; call only when serial_ready. */
uint8_t serial_take(void);

#endif
