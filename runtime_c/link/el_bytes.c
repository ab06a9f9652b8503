/* SPDX-License-Identifier: 0BSD */
#include "el_bytes.h"

#include <string.h>

void el_put_u8(el_writer *w, unsigned v)
{
    w->frame[w->at++] = (uint8_t)v;
}

void el_put_u16(el_writer *w, unsigned v)
{
    el_put_u8(w, v & 0xFFu);
    el_put_u8(w, v >> 8);
}

void el_put_u32(el_writer *w, uint32_t v)
{
    el_put_u16(w, v & 0xFFFFu);
    el_put_u16(w, v >> 16);
}

void el_put_bytes(el_writer *w, const void *bytes, unsigned count)
{
    memcpy(w->frame + w->at, bytes, count);
    w->at += count;
}

void el_put_integers(el_writer *w, const void *v, unsigned count, unsigned size)
{
    for (unsigned i = 0; i < count; i++) {
        if (size == 4)
            el_put_u32(w, (uint32_t)((const int32_t *)v)[i]);
        else
            el_put_u16(w, (uint16_t)((const int16_t *)v)[i]);
    }
}

unsigned el_get_u16(const uint8_t *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

uint32_t el_get_u32(const uint8_t *p)
{
    return (uint32_t)el_get_u16(p) | (uint32_t)el_get_u16(p + 2) << 16;
}

/* Two's complement: the highest bit counts -2^15 or -2^31. No sum here leaves int32_t. */
int32_t el_get_integer(const uint8_t *p, unsigned size)
{
    if (size == 4)
        return (int32_t)(el_get_u32(p) & 0x7FFFFFFFu) + (p[3] & 0x80u ? INT32_MIN : 0);
    return (int32_t)(el_get_u16(p) & 0x7FFFu) + (p[1] & 0x80u ? INT16_MIN : 0);
}

const uint8_t *el_get_integers(void *v, const uint8_t *p, unsigned count, unsigned size)
{
    for (unsigned i = 0; i < count; i++, p += size) {
        if (size == 4)
            ((int32_t *)v)[i] = el_get_integer(p, 4);
        else
            ((int16_t *)v)[i] = (int16_t)el_get_integer(p, 2);
    }
    return p;
}
