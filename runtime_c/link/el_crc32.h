/* SPDX-License-Identifier: 0BSD */
/* CRC-32 as IEEE 802.3, zip and Python's zlib.crc32 compute it: reflected polynomial
 * 0xEDB88320, initial value 0xFFFFFFFF, inverted at the end.
 *
 * Half a byte at a time: a table of 16 words, 64 bytes of flash, no RAM. */
#ifndef EL_CRC32_H
#define EL_CRC32_H

#include <stdint.h>

/* The CRC of data[0 .. length). If length is 0, data is not read. */
uint32_t el_crc32(const uint8_t *data, uint32_t length);

#endif
