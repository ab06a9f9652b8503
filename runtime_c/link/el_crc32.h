/* CRC-32 as IEEE 802.3, zip and Python's zlib.crc32 compute it: reflected, polynomial
 * 0xEDB88320, all ones in front, inverted at the end.
 *
 * A table of 16 words and two look-ups a byte: 64 bytes of flash, no RAM. */
#ifndef EL_CRC32_H
#define EL_CRC32_H

#include <stdint.h>

/* The CRC of `length` bytes; `data` may be anything when `length` is 0. */
uint32_t el_crc32(const uint8_t *data, uint32_t length);

#endif
