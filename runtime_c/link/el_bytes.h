/* SPDX-License-Identifier: 0BSD */
/* The integers of a payload, as bytes in little-endian order, on a machine of any order. */
#ifndef EL_BYTES_H
#define EL_BYTES_H

#include <stdint.h>

/* A frame that is being written: the next byte goes to frame[at]. The caller has checked that
 * there is room. */
typedef struct {
    uint8_t *frame;
    uint32_t at;
} el_writer;

void el_put_u8(el_writer *w, unsigned v);
void el_put_u16(el_writer *w, unsigned v);
void el_put_u32(el_writer *w, uint32_t v);
void el_put_bytes(el_writer *w, const void *bytes, unsigned count);

/* Writes v[0 .. count): int16_t if `size`, the bytes of each, is 2, and int32_t if it is 4. */
void el_put_integers(el_writer *w, const void *v, unsigned count, unsigned size);

unsigned el_get_u16(const uint8_t *p);
uint32_t el_get_u32(const uint8_t *p);

/* A signed integer of `size` bytes, 2 or 4. */
int32_t el_get_integer(const uint8_t *p, unsigned size);

/* Reads v[0 .. count), of the types of el_put_integers. Returns the address behind the last byte
 * read. */
const uint8_t *el_get_integers(void *v, const uint8_t *p, unsigned count, unsigned size);

#endif
