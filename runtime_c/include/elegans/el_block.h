/* SPDX-License-Identifier: 0BSD */
/* A block of weights that is replaced without new code: its head, and why it is refused.
 *
 * A model that was exported with --weights-block has its weights in such a block. It may lie
 * anywhere that the core can read, at a multiple of 4 bytes: in a sector of flash of its own, in
 * one of two slots, in RAM.
 *
 *   offset  bytes
 *   0       4      magic: EL_BLOCK_MAGIC, "ELWB" in the memory of a little-endian core
 *   4       2      version: of this head, EL_BLOCK_VERSION
 *   6       2      runtime: ELEGANS_RUNTIME_VERSION, for which the code was generated
 *   8       4      tables: EL_TABLES of the core; 0 where the block is the same for all cores
 *   12      4      bytes: of the whole block, a multiple of 4
 *   16      32     structure: SHA-256 of what is compiled: wiring, formats, shapes, ranges
 *   48      32     model: SHA-256 of the model, `digest` in model.json, which identifies it
 *   80             weights: the structure NAME_weights of NAME_weights.h
 *   bytes - 4  4   crc: CRC-32 (IEEE 802.3, as zip and zlib) of all bytes before it
 *
 * All integers, those of the weights included, are two's complement in the byte order of the
 * core. A CRC finds damage, not malice: a block comes from whom the firmware comes from, and is
 * signed with it where that is needed. Whatever integers a block has, no address is computed from
 * them. */
#ifndef EL_BLOCK_H
#define EL_BLOCK_H

#include <stdint.h>

#include "elegans/el_core.h"
#include EL_CORE_HEADER
#include "elegans/el_fixed.h"
#include "elegans/el_version.h"

#define EL_BLOCK_MAGIC 0x42574C45UL
#define EL_BLOCK_VERSION 1U

/* Why a block is refused. They are looked for in this order. */
typedef enum {
    EL_BLOCK_ACCEPTED = 0,
    EL_BLOCK_ALIGNMENT,  /* the address is NULL, or no multiple of 4 */
    EL_BLOCK_SHORT,      /* fewer bytes are given than the block has */
    EL_BLOCK_ABSENT,     /* no block lies here: an erased sector, or anything else */
    EL_BLOCK_BYTE_ORDER, /* it is for a core of the other byte order */
    EL_BLOCK_HEAD,       /* its head has another version */
    EL_BLOCK_DAMAGED,    /* a byte is not what it was: the CRC, or a length, is wrong */
    EL_BLOCK_RUNTIME,    /* it is for another version of the runtime */
    EL_BLOCK_STRUCTURE,  /* it is for other code: another wiring, format, shape or range */
    EL_BLOCK_CORE        /* it is for this code on a core that lays out weights otherwise */
} el_block_verdict;

typedef struct {
    uint32_t magic;
    uint16_t version;
    uint16_t runtime;
    uint32_t tables;
    uint32_t bytes;
    uint8_t structure[32];
    uint8_t model[32];
} el_block_head;

/* Whether a block is one for this code.
 *
 *   block      where it lies; at least `size` bytes can be read there
 *   size       bytes from there on, at most 2^31: those of the block, of its sector, of its file
 *   expected   bytes that a block for this code has
 *   tables     as in the head
 *   structure  [32]
 *
 * It reads each byte of the block once, with about 60 instructions for a byte. */
el_block_verdict el_block_check(const void *block, uint32_t size, uint32_t expected,
                                uint32_t tables, const uint8_t *structure);

#endif
