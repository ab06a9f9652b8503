"""The initial memory of a WebAssembly module, read from its data section."""

from __future__ import annotations

from collections.abc import Iterator

_DATA = 11  # the id of the data section (WebAssembly core specification, section 5.5.14)
_HEADER = 8
_I32_CONST, _END = 0x41, 0x0B


def data_segments(module: bytes) -> Iterator[tuple[int, bytes]]:
    """The address and the content of each segment that is copied to memory 0 at the start.

    Raises ValueError for a module whose segments are of another kind.
    """
    for section, at in _sections(module):
        if section != _DATA:
            continue
        count, at = _number(module, at)
        for _ in range(count):
            if module[at : at + 2] != bytes([0, _I32_CONST]):
                raise ValueError("a data segment has no constant address")
            address, at = _number(module, at + 2)
            if module[at] != _END:
                raise ValueError("a data segment has no constant address")
            size, at = _number(module, at + 1)
            yield address, module[at : at + size]
            at += size


def _sections(module: bytes) -> Iterator[tuple[int, int]]:
    """The id of each section, and where its content begins."""
    at = _HEADER
    while at < len(module):
        section = module[at]
        size, at = _number(module, at + 1)
        yield section, at
        at += size


def _number(module: bytes, at: int) -> tuple[int, int]:
    """A number in LEB128, and the place behind it. An address is signed, but never negative, so it
    may be read as a number without a sign."""
    number = shift = 0
    while True:
        byte = module[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
