/* SPDX-License-Identifier: 0BSD */
/* Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999): encodes a frame without the
 * byte zero, so that a zero on the wire marks the end of a frame and nothing else.
 *
 * An encoded frame is a sequence of blocks. A block is a code c in 1..255, followed by c - 1
 * bytes that are not zero. It stands for those bytes and one zero, except that a block of
 * code 255, and the last block, stand for no zero. */
#ifndef EL_COBS_H
#define EL_COBS_H

#include <stdint.h>

/* A decoder that takes the bytes of the wire one at a time. `frame` holds at most `room`
 * decoded bytes; the caller owns it, and must not touch it until the frame has ended. */
typedef struct {
    uint8_t *frame;
    uint32_t room;
    uint32_t length; /* decoded so far, <= room */
    uint8_t left;    /* bytes of the current block still to come */
    uint8_t code;    /* of the current block; 0 before the first */
    uint8_t broken;  /* the frame is longer than `room`: drop everything up to its end */
} el_cobs;

typedef enum {
    EL_COBS_MORE,  /* the frame has not ended yet */
    EL_COBS_FRAME, /* frame[0 .. length) is complete, until el_cobs_take takes another byte */
    EL_COBS_BAD    /* a frame has ended that was truncated or too long */
} el_cobs_event;

/* Begins to decode into frame[0 .. room). What comes before the first zero may be the rest of a
 * frame; the caller's checksum rejects it. */
void el_cobs_start(el_cobs *c, uint8_t *frame, uint32_t room);

/* Takes one byte from the wire. Between two zeros in a row there is no frame: EL_COBS_MORE. */
el_cobs_event el_cobs_take(el_cobs *c, uint8_t byte);

/* Sends a zero, the blocks of data[0 .. length), and a zero: at most length + length / 254 + 3
 * bytes. */
void el_cobs_send(void (*send)(uint8_t byte), const uint8_t *data, uint32_t length);

#endif
