/* Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999): no zero inside a frame, so
 * a zero ends one and nothing else does.
 *
 * On the wire a frame is a row of blocks. A block is a code c in 1..255 and c - 1 bytes
 * that are not zero; it stands for those bytes and one zero, except that a block of code
 * 255, and the last block, stand for no zero. */
#ifndef EL_COBS_H
#define EL_COBS_H

#include <stdint.h>

/* A decoder that takes the wire byte by byte. `frame` holds at most `room` decoded bytes;
 * the caller owns it and leaves it alone until the frame ends. */
typedef struct {
    uint8_t *frame;
    uint16_t room;
    uint16_t length; /* decoded so far, <= room */
    uint8_t left;    /* bytes of the present block still to come */
    uint8_t code;    /* of the present block; 0 before the first */
    uint8_t broken;  /* the frame outgrew `room`: drop everything up to its end */
} el_cobs;

typedef enum {
    EL_COBS_MORE,  /* go on */
    EL_COBS_FRAME, /* frame[0 .. length) is whole; taking the next byte starts another */
    EL_COBS_BAD    /* a frame ended that was cut short or too long */
} el_cobs_event;

void el_cobs_start(el_cobs *c, uint8_t *frame, uint16_t room);

/* One byte from the wire. Two zeros in a row hold no frame and are EL_COBS_MORE. */
el_cobs_event el_cobs_take(el_cobs *c, uint8_t byte);

/* Sends 00, the blocks of data[0 .. length), 00: at most length + length / 254 + 3 bytes. */
void el_cobs_send(void (*send)(uint8_t byte), const uint8_t *data, uint16_t length);

#endif
