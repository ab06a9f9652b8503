/* What the main loop and the link ask of a board. cortex_m.c, counter_*.c, uart_*.c and
 * board.c provide it; config.h, made from the board's descriptor, gives the numbers. */
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


/* Lets the line run dry and resets the chip. */
void board_reset(void);

/* Counter (counter_*.c). */

/* Counts processor clocks, up, modulo board_ticks_mask + 1, from when it is switched on. */
extern const uint32_t board_ticks_mask;
void board_counter(int on);
uint32_t board_ticks(void);

/* The board itself (board.c). */

/* Starts the clocks that config.h promises and connects the pins of the UART. */
void board_init(void);

/* Serial port (uart_*.c). */

/* Enables the UART at BOARD_BAUD and its receive interrupt. */
void uart_init(void);

/* Changes the line's rate. 0, and nothing has changed, when the clock cannot make it within
 * 2 %. Call after uart_drain. */
int uart_baud(uint32_t baud);

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
