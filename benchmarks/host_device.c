/* The link and a model as a program: what a board would receive comes in on standard input,
 * what it would send goes out on standard output. */
#include <unistd.h>

#include "config.h"
#include "device.h"

static uint8_t request[BOARD_MAX_FRAME], reply[BOARD_MAX_FRAME], out[1 << 16];
static size_t waiting;

static void flush(void)
{
    for (size_t at = 0; at < waiting;) {
        ssize_t n = write(1, out + at, waiting - at);
        if (n <= 0)
            _exit(1);
        at += (size_t)n;
    }
    waiting = 0;
}

static void send(uint8_t byte)
{
    if (waiting == sizeof out)
        flush();
    out[waiting++] = byte;
}

static uint32_t nothing(void)
{
    return 0;
}

static void counter(int on)
{
    (void)on;
}

static int change_baud(uint32_t baud)
{
    (void)baud;
    return 0;
}

static void reset(void)
{
}

static const el_port port = {
    .name = "host-device",
    .credit = BOARD_CREDIT,
    .send = send,
    .ticks = nothing,
    .received = nothing,
    .counter = counter,
    .change_baud = change_baud,
    .reset = reset,
};
static const el_boot boot = {EL_RESET_POWER, 0, 0, 0};

int main(void)
{
    static el_link link;
    uint8_t in[4096];
    el_link_start(&link, &device, &port, &boot, request, reply, BOARD_MAX_FRAME);
    for (;;) {
        ssize_t n = read(0, in, sizeof in);
        if (n <= 0)
            return 0;
        for (ssize_t i = 0; i < n; i++)
            el_link_take(&link, in[i]);
        flush();
    }
}
