#include "board.h"
#include "config.h"
#include "device.h"

static uint8_t request[BOARD_MAX_FRAME], reply[BOARD_MAX_FRAME];
static el_link link;

static const el_port port = {
    .name = BOARD_NAME,
    .counter_hz = BOARD_COUNTER_HZ,
    .ticks_mask = BOARD_TICKS_MASK,
    .credit = BOARD_CREDIT,
    .send = uart_send,
    .ticks = board_ticks,
    .received = serial_received,
    .counter = board_counter,
    .reset = board_reset,
};

int main(void)
{
    el_link_start(&link, &device, &port, &board_boot, request, reply, BOARD_MAX_FRAME);
    uart_init();
    for (;;) {
        board_idle(serial_ready);
        while (serial_ready())
            el_link_take(&link, serial_take());
    }
}
