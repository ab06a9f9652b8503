#include "el_link.h"

#include <string.h>

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

/* A reply that is being written: the next byte goes to frame[at], at <= max_frame - CRC. */
typedef struct {
    uint8_t *frame;
    uint16_t at;
} writer;

static void put_u8(writer *w, unsigned v)
{
    w->frame[w->at++] = (uint8_t)v;
}

static void put_u16(writer *w, unsigned v)
{
    put_u8(w, v & 0xFFu);
    put_u8(w, v >> 8);
}

static void put_u32(writer *w, uint32_t v)
{
    put_u16(w, v & 0xFFFFu);
    put_u16(w, v >> 16);
}

static void put_i16s(writer *w, const int16_t *v, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        put_u16(w, (uint16_t)v[i]);
}

static void put_bytes(writer *w, const void *bytes, unsigned count)
{
    memcpy(w->frame + w->at, bytes, count);
    w->at = (uint16_t)(w->at + count);
}

static unsigned get_u16(const uint8_t *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static uint32_t get_u32(const uint8_t *p)
{
    return (uint32_t)get_u16(p) | (uint32_t)get_u16(p + 2) << 16;
}

/* Returns the address behind the last byte read. int16_t is two's complement, by C99. */
static const uint8_t *get_i16s(int16_t *v, const uint8_t *p, unsigned count)
{
    for (unsigned i = 0; i < count; i++, p += 2)
        v[i] = (int16_t)(get_u16(p) < 0x8000u ? (int)get_u16(p) : (int)get_u16(p) - 0x10000);
    return p;
}

static writer begin(const el_link *l, unsigned type, unsigned sequence)
{
    writer w = {l->reply, 0};
    put_u8(&w, EL_LINK_VERSION);
    put_u8(&w, type);
    put_u16(&w, sequence);
    return w;
}

static void end(const el_link *l, writer *w)
{
    put_u32(w, el_crc32(w->frame, w->at));
    el_cobs_send(l->port->send, w->frame, w->at);
}

static void refuse(const el_link *l, unsigned type, unsigned sequence, el_error why)
{
    writer w = begin(l, ERROR, sequence);
    put_u8(&w, why);
    put_u8(&w, type);
    end(l, &w);
}

static void hello(const el_link *l, unsigned sequence, uint32_t nonce)
{
    const el_device *d = l->device;
    writer w = begin(l, HELLO | REPLY, sequence);
    put_u32(&w, nonce);
    put_u8(&w, l->boot->cause);
    put_u8(&w, d->has_dt);
    put_u16(&w, l->max_frame);
    put_u16(&w, l->port->credit);
    put_u16(&w, d->inputs);
    put_u16(&w, d->outputs);
    put_u16(&w, d->states);
    put_u32(&w, l->port->counter_hz);
    put_u32(&w, l->boot->fault_pc);
    put_u32(&w, l->boot->fault_lr);
    put_u32(&w, l->boot->fault_status);
    put_bytes(&w, d->model_digest, EL_LINK_DIGEST);
    put_bytes(&w, d->firmware_digest, EL_LINK_DIGEST);
    put_bytes(&w, l->port->name, (unsigned)strlen(l->port->name));
    end(l, &w);
}

/* Called in place of the model, to measure what a call alone takes. */
static void no_step(void *state, int16_t *y, const int16_t *x, int16_t dt)
{
    (void)state;
    (void)y;
    (void)x;
    (void)dt;
}

/* Ticks of one call. Not inlined, so that the model and no_step are called by the same
 * instructions: the difference of their ticks is then the model alone. */
__attribute__((noinline)) static uint32_t
ticks_of(const el_link *l, void (*step)(void *, int16_t *, const int16_t *, int16_t), int16_t dt)
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
static void timed_step(const el_link *l, timing *t, int16_t dt)
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
    timing t = {0, 0, 0, 0, 0};

    if (length < 2u + 2u * d->states) {
        refuse(l, STEP, sequence, EL_ERROR_PAYLOAD);
        return;
    }
    unsigned flags = p[0] & TIMED;
    unsigned count = p[1];
    if (count == 0 || EL_LINK_REPLY_FRAME(d->outputs, d->states, count) > l->max_frame) {
        refuse(l, STEP, sequence, EL_ERROR_COUNT);
        return;
    }
    if (length != 2u + 2u * d->states + 2u * count * ((unsigned)d->inputs + d->has_dt)) {
        refuse(l, STEP, sequence, EL_ERROR_PAYLOAD);
        return;
    }

    writer w = begin(l, STEP | REPLY, sequence);
    put_u8(&w, count);
    put_u8(&w, flags);
    writer ticks = w;
    w.at = (uint16_t)(w.at + 8);

    p = get_i16s(d->h, p + 2, d->states);
    d->set_h(d->state, d->h);
    if (flags) {
        l->port->counter(1);
        t.received = l->port->received();
        t.empty = ticks_of(l, no_step, 0);
    }
    for (unsigned i = 0; i < count; i++) {
        int16_t dt = 0;
        p = get_i16s(d->x, p, d->inputs);
        p = get_i16s(&dt, p, d->has_dt);
        if (flags)
            timed_step(l, &t, dt);
        else
            d->step(d->state, d->y, d->x, dt);
        put_i16s(&w, d->y, d->outputs);
        put_i16s(&w, d->get_h(d->state), d->states);
    }
    if (flags)
        l->port->counter(0);
    put_u32(&ticks, t.min);
    put_u32(&ticks, t.max);
    end(l, &w);
}

static void reset(const el_link *l, unsigned sequence)
{
    writer w = begin(l, RESET | REPLY, sequence);
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
    writer w = begin(l, BAUD | REPLY, sequence);
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
        get_u32(frame + length - CRC) != el_crc32(frame, length - CRC)) {
        drop(l);
        return;
    }
    l->strange = 0;
    unsigned version = frame[0], type = frame[1], sequence = get_u16(frame + 2);
    const uint8_t *payload = frame + HEADER;
    length -= HEADER + CRC;

    if (version != EL_LINK_VERSION)
        refuse(l, type, sequence, EL_ERROR_VERSION);
    else if (type < HELLO || type > BAUD)
        refuse(l, type, sequence, EL_ERROR_TYPE);
    else if (type == STEP)
        steps(l, sequence, payload, length);
    else if (length != (type == RESET ? 0u : 4u))
        refuse(l, type, sequence, EL_ERROR_PAYLOAD);
    else if (type == HELLO)
        hello(l, sequence, get_u32(payload));
    else if (type == BAUD)
        change_baud(l, sequence, get_u32(payload));
    else
        reset(l, sequence);
}

void el_link_start(el_link *l, const el_device *device, const el_port *port, const el_boot *boot,
                   uint8_t *request, uint8_t *reply, uint16_t max_frame)
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
    writer w = begin(l, LOG, 0);
    size_t length = strlen(text), room = (size_t)l->max_frame - EL_LINK_FRAMING;
    put_bytes(&w, text, (unsigned)(length < room ? length : room));
    end(l, &w);
}
