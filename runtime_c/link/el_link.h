/* SPDX-License-Identifier: 0BSD */
/* The device's side of the protocol in docs/protocol.md: takes bytes from the host, runs the
 * model, and answers.
 *
 * The caller owns all memory. `el_link_take` must be called from one context only (the main
 * loop). It returns when the byte has been handled; for the last byte of a request that means
 * that the whole reply has gone through `port->send`, the only function here that blocks. */
#ifndef EL_LINK_H
#define EL_LINK_H

#include <stdint.h>

#include "el_cobs.h"

#define EL_LINK_VERSION 5
#define EL_LINK_DIGEST 16

/* The bytes of a decoded frame that are not payload: 4 of header and 4 of CRC. */
#define EL_LINK_FRAMING 8

/* The size of a decoded frame: of a HELLO reply, and of a STEP request and a STEP reply of
 * `count` steps; `x_bytes`, `y_bytes` and `h_bytes` are those of all inputs, outputs and states.
 * `max_frame` must be at least the largest of the three with count = 1.
 *
 * HELLO: nonce 4, three numbers of 8 bits 3, three of 16 bits 6, eight of 32 bits 32, two digests
 * 32, which makes 77, and the board's name. STEP request: flags and count, the states, and for
 * each step the inputs and dt. STEP reply: count, flags and two 32-bit numbers of ticks, which
 * makes 10, and for each step the outputs and states. */
#define EL_LINK_HELLO_FRAME(name_length) (EL_LINK_FRAMING + 77 + (name_length))
#define EL_LINK_STEP_FRAME(x_bytes, dt_bytes, h_bytes, count) \
    (EL_LINK_FRAMING + 2 + (h_bytes) + (count) * ((x_bytes) + (dt_bytes)))
#define EL_LINK_REPLY_FRAME(y_bytes, h_bytes, count) \
    (EL_LINK_FRAMING + 10 + (count) * ((y_bytes) + (h_bytes)))

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

/* The model, and memory for its arguments: `x`, `y` and `h` have room for `inputs`, `outputs`
 * and `states` integers. The states are int16_t where `state_bytes` is 2, and int32_t where it
 * is 4: `h`, and what set_h reads and get_h writes. A dt of 2 or 4 bytes fits int32_t; a model
 * without elapsed time (`dt_bytes` 0) gets dt = 0 and ignores it. `state` is the first argument
 * of the three functions and is not looked into. `model_digest` has EL_LINK_DIGEST bytes. */
typedef struct {
    uint16_t inputs;
    uint16_t outputs;
    uint16_t states;
    uint8_t state_bytes;
    uint8_t dt_bytes;
    int16_t *x;
    int16_t *y;
    void *h;
    void *state;
    void (*set_h)(void *state, const void *h);
    void (*get_h)(const void *state, void *h);
    void (*step)(void *state, int16_t *y, const int16_t *x, int32_t dt);
    const uint8_t *model_digest;
    uint8_t firmware_digest[EL_LINK_DIGEST];
} el_device;

/* The board.
 *
 *   send         sends one byte, and waits for the line if it must
 *   counter      starts (1) or stops (0) the counter that `ticks` reads
 *   ticks        the counter: counts up, modulo `ticks_mask` + 1
 *   received     the number of bytes received; if it changes during a step, the receive
 *                interrupt has disturbed the step, whose ticks are then not counted
 *   change_baud  waits until all bytes have left, then changes the line's rate. Returns 0, and
 *                changes nothing, if the board cannot have that rate
 *   reset        waits until all bytes have left, then resets; does not return
 *   stack_used   the most bytes of stack used since the start, of the `stack_bytes` there are; more
 *                than these if the stack was overrun. NULL if the board does not measure it;
 *                `stack_bytes` is 0 then */
typedef struct {
    const char *name; /* ASCII */
    uint32_t counter_hz;
    uint32_t ticks_mask;
    uint32_t credit; /* bytes that the receive buffer holds */
    uint32_t baud;   /* the line's rate after a reset, in bits a second */
    void (*send)(uint8_t byte);
    uint32_t (*ticks)(void);
    uint32_t (*received)(void);
    void (*counter)(int on);
    int (*change_baud)(uint32_t baud);
    void (*reset)(void);
    uint32_t stack_bytes;
    uint32_t (*stack_used)(void);
} el_port;

/* Why the board started. After a fault `fault_pc` is the address of the instruction and
 * `fault_lr` the link register, which tells where a jump to an invalid address came from.
 * `fault_status` is CFSR, 0 on Arm cores without it; on RISC-V mcause with bit 31 set. */
typedef struct {
    el_reset_cause cause;
    uint32_t fault_pc;
    uint32_t fault_lr;
    uint32_t fault_status;
} el_boot;

/* The state of the link. Its fields are el_link.c's own. */
typedef struct {
    const el_device *device;
    const el_port *port;
    const el_boot *boot;
    uint32_t max_frame;
    uint8_t *reply;   /* max_frame bytes */
    el_cobs incoming; /* decodes into another max_frame bytes */
    uint32_t dropped; /* frames that could not be decoded or had a wrong CRC */
    uint32_t baud;    /* the line's rate now, in bits a second */
    uint32_t strange; /* how much has come since the last valid frame, in bytes; see find_strange */
} el_link;

/* Prepares a link for the first byte. `request` and `reply` have `max_frame` bytes each and do
 * not overlap; all pointers must stay valid. */
void el_link_start(el_link *l, const el_device *device, const el_port *port, const el_boot *boot,
                   uint8_t *request, uint8_t *reply, uint32_t max_frame);

/* Takes one byte from the host, of any value, and answers if it completes a request. */
void el_link_take(el_link *l, uint8_t byte);

/* Sends `text` as a LOG frame, truncated to what a frame holds. */
void el_link_log(el_link *l, const char *text);

#endif
