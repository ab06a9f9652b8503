/* SPDX-License-Identifier: 0BSD */
/* The main program: hands every byte that the UART receives to the link, and sleeps in between. */
#include "board.h"
#include "config.h"
#include "device.h"

static uint8_t request[BOARD_MAX_FRAME], reply[BOARD_MAX_FRAME];
static el_link link;

static int change_baud(uint32_t baud)
{
    uart_drain();
    return uart_baud(baud);
}

static el_port port = {
    .name = BOARD_NAME,
    .counter_hz = BOARD_COUNTER_HZ,
    .credit = BOARD_CREDIT,
    .baud = BOARD_BAUD,
    .send = uart_send,
    .ticks = board_ticks,
    .received = serial_received,
    .counter = board_counter,
    .change_baud = change_baud,
    .reset = board_reset,
    .stack_used = board_stack_used,
};

int main(void)
{
    port.ticks_mask = board_ticks_mask;
    port.stack_bytes = board_stack_bytes();
    el_link_start(&link, &device, &port, &board_boot, request, reply, BOARD_MAX_FRAME);
    board_init();
    uart_init();
    for (;;) {
        board_idle(serial_ready);
        while (serial_ready())
            el_link_take(&link, serial_take());
    }
}
