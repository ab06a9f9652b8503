/* The device's end of the wire under libFuzzer: any bytes at all, and well-made frames of
 * anything. What it sends back must be whole frames of at most max_frame bytes.
 *
 * The first byte of an input says how to read the rest: even, as raw bytes; odd, as messages
 * (type, length, payload), which get their version, CRC and stuffing here, so that the
 * fuzzer need not guess a CRC to get past the door. Bit 1 makes them those of an older host. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "el_crc32.h"

enum { MAX_FRAME = 160 };

static el_link link_;
static el_cobs answer;
static uint8_t answered[MAX_FRAME];
static uint32_t clock_, rate;
static uint8_t version;

static void require(int condition)
{
    if (!condition)
        abort();
}

static void send(uint8_t byte)
{
    el_cobs_event event = el_cobs_take(&answer, byte);
    require(event != EL_COBS_BAD);
    if (event == EL_COBS_FRAME) {
        uint32_t crc;
        require(answer.length >= EL_LINK_FRAMING && answered[0] == EL_LINK_VERSION);
        memcpy(&crc, answered + answer.length - 4, 4);
        require(crc == el_crc32(answered, answer.length - 4u));
        require(answered[1] >= 0x80);
    }
}

static uint32_t ticks(void)
{
    return clock_ += 7;
}

static uint32_t received(void)
{
    return clock_ >> 6; /* now and then a byte "comes in" while a step is timed */
}

static void counter(int on)
{
    (void)on;
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
}

static const el_port port = {
    .name = "fuzz",
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
};
static const el_boot boot = {EL_RESET_POWER, 0, 0, 0};

static void take(uint8_t byte)
{
    el_link_take(&link_, byte);
}

static void take_message(const uint8_t *message, size_t length)
{
    uint8_t frame[4 + 255 + 4];
    frame[0] = version;
    frame[1] = message[0];
    frame[2] = frame[3] = 0x5A;
    memcpy(frame + 4, message + 1, length - 1);
    uint32_t crc = el_crc32(frame, (uint32_t)(length + 3));
    memcpy(frame + length + 3, &crc, 4);
    el_cobs_send(take, frame, (uint16_t)(length + 7));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Of their exact sizes, so that the sanitizer sees a byte beyond them. */
    uint8_t *request = malloc(MAX_FRAME), *reply = malloc(MAX_FRAME);
    clock_ = 0;
    rate = port.baud;
    el_cobs_start(&answer, answered, MAX_FRAME);
    el_link_start(&link_, &device, &port, &boot, request, reply, MAX_FRAME);
    if (size > 0 && data[0] % 2 == 0) {
        for (size_t i = 1; i < size; i++)
            take(data[i]);
    } else if (size > 0) {
        version = data[0] & 2 ? EL_LINK_VERSION - 1 : EL_LINK_VERSION;
        for (size_t at = 1; at + 2 <= size;) {
            size_t length = data[at + 1];
            if (length > size - at - 2)
                length = size - at - 2;
            uint8_t message[256];
            message[0] = data[at];
            memcpy(message + 1, data + at + 2, length);
            take_message(message, length + 1);
            at += 2 + length;
        }
    }
    /* Whatever came, the next HELLO is answered. */
    version = EL_LINK_VERSION;
    const uint8_t hello[] = {0x01, 1, 2, 3, 4};
    take_message(hello, sizeof hello);
    require(answered[1] == 0x81 && memcmp(answered + 4, "\1\2\3\4", 4) == 0);
    require(rate == link_.baud);
    free(request);
    free(reply);
    return 0;
}
