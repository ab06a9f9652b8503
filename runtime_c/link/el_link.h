/* The device's end of docs/protocol.md: takes bytes from the host, runs the model, answers.
 *
 * The caller owns all memory. `el_link_take` is called from one context (the main loop);
 * it returns when the byte has been dealt with, which for the last byte of a request means
 * that the answer has gone through `port->send`. Nothing here blocks but `send`. */
#ifndef EL_LINK_H
#define EL_LINK_H

#include <stdint.h>

#include "el_cobs.h"

#define EL_LINK_VERSION 2
#define EL_LINK_DIGEST 16

/* What is left of a frame when header and CRC are taken off. */
#define EL_LINK_FRAMING 8

/* The smallest frame that holds a HELLO reply, and a STEP and its reply of `count` steps.
 * `max_frame` must be at least the largest of the three with count = 1. */
#define EL_LINK_HELLO_FRAME(name_length) (EL_LINK_FRAMING + 64 + (name_length))
#define EL_LINK_STEP_FRAME(inputs, neurons, has_dt, count) \
    (EL_LINK_FRAMING + 2 + 2 * (neurons) + 2 * (count) * ((inputs) + (has_dt)))
#define EL_LINK_REPLY_FRAME(outputs, neurons, count) \
    (EL_LINK_FRAMING + 10 + 2 * (count) * ((outputs) + (neurons)))

typedef enum {
    EL_RESET_UNKNOWN,
    EL_RESET_POWER,
    EL_RESET_PIN,
    EL_RESET_SOFTWARE,
    EL_RESET_WATCHDOG,
    EL_RESET_FAULT
} el_reset_cause;

typedef enum {
    EL_ERROR_VERSION = 1,
    EL_ERROR_TYPE,
    EL_ERROR_PAYLOAD,
    EL_ERROR_COUNT,
    EL_ERROR_BAUD
} el_error;

/* The model. `x`, `y` and `h` are its scratch, of `inputs`, `outputs` and `neurons`
 * integers; `state` is handed to the three functions as it is. Without elapsed time
 * (`has_dt` 0) `step` gets dt = 0 and ignores it. */
typedef struct {
    uint16_t inputs;
    uint16_t outputs;
    uint16_t neurons;
    uint8_t has_dt;
    int16_t *x;
    int16_t *y;
    int16_t *h;
    void *state;
    void (*set_h)(void *state, const int16_t *h);
    const int16_t *(*get_h)(const void *state);
    void (*step)(void *state, int16_t *y, const int16_t *x, int16_t dt);
    uint8_t model_digest[EL_LINK_DIGEST];
    uint8_t firmware_digest[EL_LINK_DIGEST];
} el_device;

/* The board. `send` takes every byte, waiting for the line if it must. `counter` starts
 * and stops the counter that `ticks` reads; it counts up and wraps at `ticks_mask` + 1.
 * `received` changes whenever a byte comes in, so that a step which the receive interrupt
 * disturbed is not taken for a measurement. `change_baud` lets the line run dry, then changes
 * its rate; 0, and nothing has changed, when it cannot. `reset` lets the line run dry, then
 * does not return. */
typedef struct {
    const char *name; /* ASCII */
    uint32_t counter_hz;
    uint32_t ticks_mask;
    uint16_t credit; /* bytes the receive buffer holds */
    uint32_t baud;   /* the line's rate after a reset */
    void (*send)(uint8_t byte);
    uint32_t (*ticks)(void);
    uint32_t (*received)(void);
    void (*counter)(int on);
    int (*change_baud)(uint32_t baud);
    void (*reset)(void);
} el_port;

/* Why the board started. After a fault `fault_pc` is the instruction and `fault_lr` what the
 * link register held: where the fault came from, if the instruction itself is nowhere. */
typedef struct {
    el_reset_cause cause;
    uint32_t fault_pc;
    uint32_t fault_lr;
    uint32_t fault_status;
} el_boot;

typedef struct {
    const el_device *device;
    const el_port *port;
    const el_boot *boot;
    uint16_t max_frame;
    uint8_t *reply;   /* max_frame bytes */
    el_cobs incoming; /* decodes into another max_frame bytes */
    uint32_t dropped; /* frames that did not decode or failed their CRC */
    uint32_t baud;    /* the line's rate now */
    uint32_t strange; /* what came at a rate that was asked for, and made no sense there */
} el_link;

/* `request` and `reply` hold `max_frame` bytes each and do not overlap. */
void el_link_start(el_link *l, const el_device *device, const el_port *port, const el_boot *boot,
                   uint8_t *request, uint8_t *reply, uint16_t max_frame);

/* One byte from the host, any byte at all. */
void el_link_take(el_link *l, uint8_t byte);

/* Sends `text` as a LOG frame, cut to what a frame holds. */
void el_link_log(el_link *l, const char *text);

#endif
