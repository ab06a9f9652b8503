/* SPDX-License-Identifier: 0BSD */
/* The functions of a board that the main loop and the link call. start_up.c, cortex_m.c or
 * riscv.c, counter_*.c, uart_*.c and board.c define them; config.h, generated from the board's
 * descriptor, has the constants. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#include "el_link.h"

/* Core (start_up.c; cortex_m.c or riscv.c). */

/* Why the board started. Valid when main begins. */
extern el_boot board_boot;

/* Sleeps until an interrupt, unless ready() says that there is work already. ready is called
 * with interrupts masked, so no interrupt can come between its answer and the sleep. */
void board_idle(int (*ready)(void));

/* Waits until all bytes have left the UART, then resets the chip. Does not return. */
void board_reset(void);

/* The bytes reserved for the stack, and the most of them that were used since the start; more than
 * were reserved if the stack has written beyond them. */
uint32_t board_stack_bytes(void);
uint32_t board_stack_used(void);

/* Counter (counter_*.c). */

/* The counter of processor clocks: counts up, modulo board_ticks_mask + 1, while it is on. */
extern const uint32_t board_ticks_mask;
void board_counter(int on);
uint32_t board_ticks(void);

/* The board itself (board.c). */

/* Starts the clocks at the rates that config.h gives, and connects the pins of the UART. */
void board_init(void);

/* Serial port (uart_*.c). */

/* Enables the UART at BOARD_BAUD and its receive interrupt. */
void uart_init(void);

/* Changes the line's rate, in bits a second. Returns 0, and changes nothing, if no divisor of
 * the clock gives it within 2 %. Call uart_drain first. */
int uart_baud(uint32_t baud);

/* Sends one byte; waits while the UART cannot take it. */
void uart_send(uint8_t byte);

/* Returns when the last byte has left the pin. */
void uart_drain(void);

/* The receive interrupt, to which the vector table of a Cortex-M points; on RISC-V the interrupt
 * controller's driver calls it. It calls serial_receive. */
void uart_interrupt(void);

/* Receive buffer (serial.c). */

/* Puts a byte into the buffer; called from the interrupt. If the buffer is full the byte is
 * lost, which cannot happen while the host respects the credit, the buffer's size. */
void serial_receive(uint8_t byte);

/* Bytes received since the start, modulo 2^32. */
uint32_t serial_received(void);

/* Whether the buffer holds a byte. */
int serial_ready(void);

/* Takes the oldest byte out of the buffer. Call only if serial_ready. */
uint8_t serial_take(void);

#endif
