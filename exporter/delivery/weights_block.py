"""The weights of a model as one block of bytes, which can be replaced on the device.

The block is a structure of C, `NAME_block`: a head, the weights, and a CRC-32 of all before it
(`el_block.h`). It is written twice: as C, in `NAME_weights.c`, and as bytes, in a file for each way
in which the cores lay out the weights of layers. A test compares the two.

What is compiled with it is its structure: the generated C and assembler, without comments. Two
models of one structure interchange their blocks.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from elegans.exporter.delivery.table_layouts import ANY, TABLE_LAYOUTS, TableLayout, words_of
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.numbers.fixed import Integers

MAGIC, VERSION = 0x42574C45, 1
"""The first word of a block, "ELWB" in memory, and the version of its head (`el_block.h`)."""

_HEAD = "IHHII32s32s"
_CRC_BYTES = 4
ALIGNMENT = 4
"""Bytes: of a block, and of tables that are loaded by words."""

_DTYPES = {"int16_t": "i2", "int32_t": "i4", "uint8_t": "u1", "int8_t": "i1"}
_NO_DIGEST = "00" * 32
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_COMPILED = re.compile(r"\w+(?<!_weights)\.(?:c|h|hpp|S)|\w+_weights\.h")
_OF_THE_MODEL = re.compile(
    r"^#define \w+_(?:VERSION|DIGEST) .*$|static const uint8_t structure\[32\] = \{[^}]*\};",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Member:
    """An array of the block.

    declaration  of the member in C
    comment      what it is
    rows         its initialiser, line by line
    align        of its first byte: 4, 2 or 1
    ctype        of an element, such as int16_t
    values       None for a table of words, whose values are in `rows`
    """

    declaration: str
    comment: str
    rows: list[str]
    align: int
    ctype: str
    values: Integers | None

    def packed(self, layout: TableLayout, order: str) -> bytes:
        """Its bytes, up to a multiple of its alignment."""
        if self.values is None:
            return np.array(words_of(self.rows, layout), f"{order}i4").tobytes()
        dtype = order + _DTYPES[self.ctype]
        packed = self.values.astype(dtype).tobytes()
        return packed + bytes(-len(packed) % self.align)


@dataclass(frozen=True)
class WeightsBlock:
    """The members of a block, those of the greatest alignment first, so that C puts no gap between
    them."""

    members: tuple[Member, ...]

    @staticmethod
    def of(members: Sequence[Member]) -> WeightsBlock:
        """The block of these members."""
        return WeightsBlock(tuple(sorted(members, key=lambda member: -member.align)))

    @property
    def layouts(self) -> tuple[TableLayout, ...]:
        """Those in which the block is written."""
        return TABLE_LAYOUTS if any(member.values is None for member in self.members) else (ANY,)

    def size(self, layout: TableLayout) -> int:
        """The bytes of the whole block."""
        return len(self.file(layout, 0, _NO_DIGEST, _NO_DIGEST))

    def file(
        self, layout: TableLayout, runtime: int, structure: str, model: str, order: str = "<"
    ) -> bytes:
        """The whole block: see `el_block.h`.

        structure, model  digests, 64 hexadecimal digits each
        order             of bytes: < for little-endian, > for big-endian
        """
        weights = b"".join(member.packed(layout, order) for member in self.members)
        weights += bytes(-len(weights) % ALIGNMENT)
        size = struct.calcsize(f"{order}{_HEAD}") + len(weights) + _CRC_BYTES
        digests = bytes.fromhex(structure), bytes.fromhex(model)
        numbers = MAGIC, VERSION, runtime, layout.number, size
        content = struct.pack(f"{order}{_HEAD}", *numbers, *digests) + weights
        return content + struct.pack(f"{order}I", zlib.crc32(content))

    def files(self, model: Model, runtime: int, structure: str) -> dict[str, bytes]:
        """The blocks for little-endian cores, by path in a BUILD."""
        return {
            block_path(model.name, layout): self.file(layout, runtime, structure, model.digest)
            for layout in self.layouts
        }


def block_path(model: str, layout: TableLayout) -> str:
    """The name of the file of a block in a BUILD."""
    return f"{model}_weights{'_' * bool(layout.name)}{layout.name}.bin"


def structure_digest(texts: Mapping[str, str]) -> str:
    """SHA-256 of what is compiled for a model: of its generated C and assembler.

    texts  the files of a BUILD by path; the runtime and the block itself are left out

    Comments do not count, nor do the digest of the model, the version of elegans, and the digest of
    the structure.
    """
    known = hashlib.sha256()
    for path in sorted(filter(_COMPILED.fullmatch, texts)):
        text = _OF_THE_MODEL.sub("", _COMMENT.sub(" ", texts[path]))
        known.update(f"{path}\n{' '.join(text.split())}\n".encode())
    return known.hexdigest()
