/* SPDX-License-Identifier: 0BSD */
#include "elegans/el_block.h"

#include <stddef.h>

#define EL_CRC_BYTES 4U

/* The magic as a core of the other byte order reads it. */
#define EL_BLOCK_SWAPPED 0x454C5742UL

/* Bit by bit, without a table: a block is checked once. */
static uint32_t el_block_crc(const uint8_t *data, uint32_t length)
{
    uint32_t crc = 0xFFFFFFFFUL;

    for (uint32_t i = 0; i < length; i++) {
        crc ^= data[i];
        for (uint32_t bit = 0; bit < 8U; bit++) {
            crc = (crc >> 1) ^ (0xEDB88320UL & (0U - (crc & 1U)));
        }
    }
    return ~crc;
}

el_block_verdict el_block_check(const void *block, uint32_t size, uint32_t expected,
                                uint32_t tables, const uint8_t *structure)
{
    const uint8_t *bytes = (const uint8_t *)block;
    const el_block_head *head = (const el_block_head *)block;
    uint32_t different = 0;
    uint32_t end;

    if ((block == NULL) || (((uintptr_t)block & 3U) != 0U)) {
        return EL_BLOCK_ALIGNMENT;
    }
    if (size < (sizeof(el_block_head) + EL_CRC_BYTES)) {
        return EL_BLOCK_SHORT;
    }
    if (head->magic != EL_BLOCK_MAGIC) {
        return (head->magic == EL_BLOCK_SWAPPED) ? EL_BLOCK_BYTE_ORDER : EL_BLOCK_ABSENT;
    }
    if (head->version != EL_BLOCK_VERSION) {
        return EL_BLOCK_HEAD;
    }
    if ((head->bytes < (sizeof(el_block_head) + EL_CRC_BYTES)) || ((head->bytes & 3U) != 0U)) {
        return EL_BLOCK_DAMAGED;
    }
    if (head->bytes > size) {
        return EL_BLOCK_SHORT;
    }
    end = head->bytes - EL_CRC_BYTES;
    if (el_block_crc(bytes, end) != *(const uint32_t *)(const void *)&bytes[end]) {
        return EL_BLOCK_DAMAGED;
    }
    if (head->runtime != ELEGANS_RUNTIME_VERSION) {
        return EL_BLOCK_RUNTIME;
    }
    for (uint32_t i = 0; i < sizeof head->structure; i++) {
        different |= (uint32_t)head->structure[i] ^ structure[i];
    }
    if (different != 0U) {
        return EL_BLOCK_STRUCTURE;
    }
    if (head->tables != tables) {
        return EL_BLOCK_CORE;
    }
    return (head->bytes == expected) ? EL_BLOCK_ACCEPTED : EL_BLOCK_STRUCTURE;
}
