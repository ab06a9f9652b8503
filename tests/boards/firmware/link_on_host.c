/* The device's end of the wire on the host, for tests: the model of device.c behind a port that
 * writes into memory. */
#include <string.h>

#include "device.h"

enum { ROOM = 1 << 16 };

static uint8_t request[4096], reply[4096], sent[ROOM];
static uint32_t used, clock, bytes, resets, rate, steps;
static int disturb, late, counting;
static el_device slow; /* the device, whose steps take 700 ticks, 710, 720, .. */
static el_link link_;

static void send(uint8_t byte)
{
    if (used < ROOM)
        sent[used++] = byte;
}

/* The counter of 16 bits, near its end when the link starts, and still while it is off. The call
 * that no_step stands for may be `late`. */
static uint32_t ticks(void)
{
    if (counting) {
        clock += late == 1 ? 5000 : 10;
        late -= late > 0;
    }
    return clock & 0xFFFF;
}

static uint32_t received(void)
{
    return disturb ? bytes++ : bytes;
}

static void counter(int on)
{
    counting = on;
}

static int change_baud(uint32_t baud)
{
    if (baud > 1000000)
        return 0;
    rate = baud;
    return 1;
}

static void reset(void)
{
    resets++;
}

static void step(void *state, int16_t *y, const int16_t *x, int32_t dt)
{
    clock += 700 + 10 * steps++;
    device.step(state, y, x, dt);
}

static uint32_t stack_used(void)
{
    return 700;
}

static const el_port port = {
    .name = "host",
    .counter_hz = 1000,
    .ticks_mask = 0xFFFF,
    .credit = 512,
    .baud = 115200,
    .send = send,
    .ticks = ticks,
    .received = received,
    .counter = counter,
    .change_baud = change_baud,
    .reset = reset,
    .stack_bytes = 4096,
    .stack_used = stack_used,
};
static const el_boot boot = {EL_RESET_FAULT, 0x1234, 0x5678, 0x8200};

void start(uint32_t max_frame, int disturbed, int late_call);
int counts(void);
uint32_t feed(const uint8_t *data, uint32_t length, uint8_t *out);
uint32_t dropped(void);
uint32_t reset_count(void);
uint32_t baud(void);
uint32_t cobs(const uint8_t *data, uint32_t length, uint8_t *out);
void say(const char *text);

void start(uint32_t max_frame, int disturbed, int late_call)
{
    used = resets = steps = 0;
    clock = 0xFF00;
    rate = port.baud;
    disturb = disturbed;
    late = late_call ? 2 : 0;
    counting = 0;
    slow = device;
    slow.step = step;
    el_link_start(&link_, &slow, &port, &boot, request, reply, max_frame);
}

/* Copies everything sent so far to `out`, which has 65536 bytes. */
uint32_t feed(const uint8_t *data, uint32_t length, uint8_t *out)
{
    for (uint32_t i = 0; i < length; i++)
        el_link_take(&link_, data[i]);
    uint32_t n = used;
    memcpy(out, sent, n);
    used = 0;
    return n;
}

uint32_t dropped(void)
{
    return link_.dropped;
}

uint32_t reset_count(void)
{
    return resets;
}

int counts(void)
{
    return counting;
}

uint32_t baud(void)
{
    return rate;
}

uint32_t cobs(const uint8_t *data, uint32_t length, uint8_t *out)
{
    used = 0;
    el_cobs_send(send, data, length);
    return feed(data, 0, out);
}

void say(const char *text)
{
    el_link_log(&link_, text);
}
