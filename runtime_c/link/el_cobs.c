/* SPDX-License-Identifier: 0BSD */
#include "el_cobs.h"

static void expect_frame(el_cobs *c)
{
    c->length = 0;
    c->left = 0;
    c->code = 0;
    c->broken = 0;
}

void el_cobs_start(el_cobs *c, uint8_t *frame, uint32_t room)
{
    c->frame = frame;
    c->room = room;
    expect_frame(c);
}

static void keep(el_cobs *c, uint8_t byte)
{
    if (c->length < c->room)
        c->frame[c->length++] = byte;
    else
        c->broken = 1;
}

el_cobs_event el_cobs_take(el_cobs *c, uint8_t byte)
{
    if (byte == 0) {
        uint32_t length = c->length;
        int empty = c->code == 0;
        int whole = c->left == 0 && !c->broken;
        expect_frame(c);
        if (empty)
            return EL_COBS_MORE;
        c->length = whole ? length : 0;
        return whole ? EL_COBS_FRAME : EL_COBS_BAD;
    }
    if (c->code == 0)
        c->length = 0; /* the caller is done with the frame before this one */
    if (c->left > 0) {
        c->left--;
        keep(c, byte);
        return EL_COBS_MORE;
    }
    if (c->code != 0 && c->code != 255)
        keep(c, 0); /* the zero after the block before, which is not the last one, as this code shows */
    c->code = byte;
    c->left = (uint8_t)(byte - 1);
    return EL_COBS_MORE;
}

void el_cobs_send(void (*send)(uint8_t byte), const uint8_t *data, uint32_t length)
{
    uint32_t at = 0;
    send(0);
    for (;;) {
        uint32_t run = 0;
        while (run < 254 && at + run < length && data[at + run] != 0)
            run++;
        send((uint8_t)(run + 1));
        for (uint32_t i = 0; i < run; i++)
            send(data[at + i]);
        at += run;
        if (at == length)
            break;
        if (run < 254)
            at++; /* the zero that the block stands for is not sent */
    }
    send(0);
}
