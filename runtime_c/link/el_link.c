/* SPDX-License-Identifier: 0BSD */
#include "el_link.h"

#include <string.h>

#include "el_bytes.h"
#include "el_crc32.h"

enum {
    HELLO = 0x01,
    STEP = 0x02,
    RESET = 0x03,
    BAUD = 0x04,
    REPLY = 0x80, /* to a request: its type with this bit */
    LOG = 0xC0,
    ERROR = 0xFF
};

enum { HEADER = 4, CRC = 4, TIMED = 1 };

static el_writer begin(const el_link *l, unsigned type, unsigned sequence)
{
    el_writer w = {l->reply, 0};
    el_put_u8(&w, EL_LINK_VERSION);
    el_put_u8(&w, type);
    el_put_u16(&w, sequence);
    return w;
}

static void end(const el_link *l, el_writer *w)
{
    el_put_u32(w, el_crc32(w->frame, w->at));
    el_cobs_send(l->port->send, w->frame, w->at);
}

static void refuse(const el_link *l, unsigned type, unsigned sequence, el_error why)
{
    el_writer w = begin(l, ERROR, sequence);
    el_put_u8(&w, why);
    el_put_u8(&w, type);
    end(l, &w);
}

static void hello(const el_link *l, unsigned sequence, uint32_t nonce)
{
    const el_device *d = l->device;
    el_writer w = begin(l, HELLO | REPLY, sequence);
    el_put_u32(&w, nonce);
    el_put_u8(&w, l->boot->cause);
    el_put_u8(&w, d->state_bytes);
    el_put_u8(&w, d->dt_bytes);
    el_put_u32(&w, l->max_frame);
    el_put_u32(&w, l->port->credit);
    el_put_u16(&w, d->inputs);
    el_put_u16(&w, d->outputs);
    el_put_u16(&w, d->states);
    el_put_u32(&w, l->port->counter_hz);
    el_put_u32(&w, l->boot->fault_pc);
    el_put_u32(&w, l->boot->fault_lr);
    el_put_u32(&w, l->boot->fault_status);
    el_put_u32(&w, l->port->stack_bytes);
    el_put_u32(&w, l->port->stack_used ? l->port->stack_used() : 0);
    el_put_bytes(&w, d->model_digest, EL_LINK_DIGEST);
    el_put_bytes(&w, d->firmware_digest, EL_LINK_DIGEST);
    el_put_bytes(&w, l->port->name, (unsigned)strlen(l->port->name));
    end(l, &w);
}

/* `step` of the device jumps to the model. Armv6-M has no jump that reaches so far: there it calls
 * the model, which takes one instruction and saves lr, and so do the functions below. */
#if defined(__ARM_ARCH_6M__)
#define AS_STEP_CALLS(dt) __asm__ volatile("nop" : : "r"(dt) : "lr")
#else
#define AS_STEP_CALLS(dt) __asm__ volatile("" : : "r"(dt))
#endif

/* Called in place of the model, to measure what a call alone takes. */
static void no_step(void *state, int16_t *y, const int16_t *x, int32_t dt)
{
    (void)state;
    (void)y;
    (void)x;
    AS_STEP_CALLS(dt);
}

/* The same for a dt of 16 bits, which `step` makes of its argument before it calls the model: one
 * instruction, which the empty assembler statement keeps here, too. */
static void no_step_16(void *state, int16_t *y, const int16_t *x, int32_t dt)
{
    (void)state;
    (void)y;
    (void)x;
    AS_STEP_CALLS((int32_t)(int16_t)dt);
}

/* Ticks of one call. Not inlined, so that the model and no_step are called by the same
 * instructions: the difference of their ticks is then the model alone. */
__attribute__((noinline)) static uint32_t
ticks_of(const el_link *l, void (*step)(void *, int16_t *, const int16_t *, int32_t), int32_t dt)
{
    const el_device *d = l->device;
    uint32_t before = l->port->ticks();
    step(d->state, d->y, d->x, dt);
    return (l->port->ticks() - before) & l->port->ticks_mask;
}

typedef struct {
    uint32_t received;
    uint32_t empty;
    uint32_t min;
    uint32_t max;
    int any;
} timing;

/* Runs a step and takes its ticks into account. If a byte has been received since no_step was
 * measured, the receive interrupt may be part of either measurement, and this one is ignored. */
static void timed_step(const el_link *l, timing *t, int32_t dt)
{
    uint32_t ticks = ticks_of(l, l->device->step, dt);
    if (l->port->received() != t->received)
        return;
    ticks = ticks > t->empty ? ticks - t->empty : 0;
    t->min = t->any && t->min < ticks ? t->min : ticks;
    t->max = t->any && t->max > ticks ? t->max : ticks;
    t->any = 1;
}

static void steps(const el_link *l, unsigned sequence, const uint8_t *p, unsigned length)
{
    const el_device *d = l->device;
    unsigned x_bytes = 2u * d->inputs, y_bytes = 2u * d->outputs, dt_bytes = d->dt_bytes;
    unsigned h_bytes = (unsigned)d->states * d->state_bytes;
    timing t = {0};

    if (length < 2u + h_bytes) {
        refuse(l, STEP, sequence, EL_ERROR_PAYLOAD);
        return;
    }
    unsigned flags = p[0] & TIMED;
    unsigned count = p[1];
    if (count == 0 || EL_LINK_REPLY_FRAME(y_bytes, h_bytes, count) > l->max_frame) {
        refuse(l, STEP, sequence, EL_ERROR_COUNT);
        return;
    }
    if (length + EL_LINK_FRAMING != EL_LINK_STEP_FRAME(x_bytes, dt_bytes, h_bytes, count)) {
        refuse(l, STEP, sequence, EL_ERROR_PAYLOAD);
        return;
    }

    el_writer w = begin(l, STEP | REPLY, sequence);
    el_put_u8(&w, count);
    el_put_u8(&w, flags);
    el_writer ticks = w;
    w.at += 8u;

    p = el_get_integers(d->h, p + 2, d->states, d->state_bytes);
    d->set_h(d->state, d->h);
    if (flags) {
        l->port->counter(1);
        t.received = l->port->received();
        t.empty = ticks_of(l, dt_bytes == 2 ? no_step_16 : no_step, 0);
    }
    for (unsigned i = 0; i < count; i++) {
        p = el_get_integers(d->x, p, d->inputs, 2);
        int32_t dt = 0;
        if (dt_bytes)
            dt = el_get_integer(p, dt_bytes);
        p += dt_bytes;
        if (flags)
            timed_step(l, &t, dt);
        else
            d->step(d->state, d->y, d->x, dt);
        d->get_h(d->state, d->h);
        el_put_integers(&w, d->y, d->outputs, 2);
        el_put_integers(&w, d->h, d->states, d->state_bytes);
    }
    if (flags)
        l->port->counter(0);
    el_put_u32(&ticks, t.min);
    el_put_u32(&ticks, t.max);
    end(l, &w);
}

static void reset(const el_link *l, unsigned sequence)
{
    el_writer w = begin(l, RESET | REPLY, sequence);
    end(l, &w);
    l->port->reset();
}

static void change_baud(el_link *l, unsigned sequence, uint32_t rate)
{
    /* Try the rate before accepting it; the reply is sent at the old rate. */
    if (!l->port->change_baud(rate)) {
        refuse(l, BAUD, sequence, EL_ERROR_BAUD);
        return;
    }
    (void)l->port->change_baud(l->baud);
    el_writer w = begin(l, BAUD | REPLY, sequence);
    end(l, &w);
    (void)l->port->change_baud(rate);
    l->baud = rate;
}

/* Goes back to the rate after reset when the host seems to have changed: another host calls at
 * that rate, and at the present one all its bytes are noise. There is no clock for a time-out,
 * so noise is counted instead: bytes, and max_frame / 8 more for each frame that is broken.
 * Two of the longest frames are enough, or 16 broken frames, without a valid one between them. */
static void find_strange(el_link *l, uint32_t how)
{
    l->strange += how;
    if (l->baud != l->port->baud && l->strange > 2u * l->max_frame) {
        (void)l->port->change_baud(l->port->baud);
        l->baud = l->port->baud;
    }
}

static void drop(el_link *l)
{
    l->dropped++;
    find_strange(l, l->max_frame / 8u);
}

static void handle(el_link *l)
{
    const uint8_t *frame = l->incoming.frame;
    unsigned length = l->incoming.length;
    if (length < HEADER + CRC ||
        el_get_u32(frame + length - CRC) != el_crc32(frame, length - CRC)) {
        drop(l);
        return;
    }
    l->strange = 0;
    unsigned version = frame[0], type = frame[1], sequence = el_get_u16(frame + 2);
    const uint8_t *payload = frame + HEADER;
    length -= HEADER + CRC;

    /* A HELLO of any version is answered, in the version of this side: so a host of any version
     * can tell which of the two is older. */
    if (version != EL_LINK_VERSION && type != HELLO)
        refuse(l, type, sequence, EL_ERROR_VERSION);
    else if (type < HELLO || type > BAUD)
        refuse(l, type, sequence, EL_ERROR_TYPE);
    else if (type == STEP)
        steps(l, sequence, payload, length);
    else if (length != (type == RESET ? 0u : 4u))
        refuse(l, type, sequence, EL_ERROR_PAYLOAD);
    else if (type == HELLO)
        hello(l, sequence, el_get_u32(payload));
    else if (type == BAUD)
        change_baud(l, sequence, el_get_u32(payload));
    else
        reset(l, sequence);
}

void el_link_start(el_link *l, const el_device *device, const el_port *port, const el_boot *boot,
                   uint8_t *request, uint8_t *reply, uint32_t max_frame)
{
    l->device = device;
    l->port = port;
    l->boot = boot;
    l->max_frame = max_frame;
    l->reply = reply;
    l->dropped = 0;
    l->baud = port->baud;
    l->strange = 0;
    el_cobs_start(&l->incoming, request, max_frame);
}

void el_link_take(el_link *l, uint8_t byte)
{
    find_strange(l, 1);
    switch (el_cobs_take(&l->incoming, byte)) {
    case EL_COBS_FRAME:
        handle(l);
        break;
    case EL_COBS_BAD:
        drop(l);
        break;
    case EL_COBS_MORE:
        break;
    }
}

void el_link_log(el_link *l, const char *text)
{
    el_writer w = begin(l, LOG, 0);
    size_t length = strlen(text), room = (size_t)l->max_frame - EL_LINK_FRAMING;
    el_put_bytes(&w, text, (unsigned)(length < room ? length : room));
    end(l, &w);
}
