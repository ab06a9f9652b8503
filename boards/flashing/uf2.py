"""UF2, the file format of a Raspberry Pi Pico's boot drive: flash in blocks of 512 bytes.

Each block has 256 bytes of flash, their address, the number of blocks, and the family of chips
that they are for. (https://github.com/microsoft/uf2)
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from pathlib import Path

from elegans.boards.flashing.debug_probe import FlashError, Segments
from elegans.exporter.errors import ElegansError
from elegans.exporter.files import write_file

# Header: first and second magic number, flags, address, bytes, block number, number of blocks,
# family. The third magic number ends the block.
_HEAD = struct.Struct("<8I")
_FIRST, _SECOND, _END = 0x0A324655, 0x9E5D5157, b"\x30\x6f\xb1\x0a"
_HAS_FAMILY = 0x2000
_BLOCK, _PAYLOAD = 512, 256
_MOUNTS = ("/media", "/run/media", "/mnt", "/Volumes")


def encode(segments: Segments, family: int) -> bytes:
    """An image as UF2. Blocks are whole pages of 256 bytes; gaps within a page are zero."""
    pages: dict[int, bytearray] = {}
    for address, data in segments:
        for at in range(len(data)):
            page, offset = divmod(address + at, _PAYLOAD)
            pages.setdefault(page, bytearray(_PAYLOAD))[offset] = data[at]
    blocks = []
    for number, (page, payload) in enumerate(sorted(pages.items())):
        words = (_FIRST, _SECOND, _HAS_FAMILY, page * _PAYLOAD, _PAYLOAD, number, len(pages))
        block = _HEAD.pack(*words, family) + bytes(payload)
        blocks.append(block.ljust(_BLOCK - 4, b"\0") + _END)
    return b"".join(blocks)


def decode(data: bytes, family: int, place: object = "UF2") -> Segments:
    """The pages of a UF2 file, whose ``place`` is for errors. Raises `ElegansError` for the
    first invalid block."""
    segments = []
    total = len(data) // _BLOCK
    if not data or len(data) % _BLOCK:
        raise ElegansError(place, f"{len(data)} bytes are not a number of blocks", "write it again")
    for number in range(total):
        block = data[number * _BLOCK : (number + 1) * _BLOCK]
        first, second, flags, address, size, index, count, kind = _HEAD.unpack_from(block)
        wrong = {
            "is not UF2": (first, second, block[-4:]) != (_FIRST, _SECOND, _END),
            f"is number {index} of {count}": (index, count) != (number, total),
            f"is for the family {kind:#010x}": not flags & _HAS_FAMILY or kind != family,
            f"carries {size} bytes": size != _PAYLOAD,
            f"goes to {address:#010x}": address % _PAYLOAD != 0,
        }
        for fact, found in wrong.items():
            if found:
                raise ElegansError(place, f"block {number} of {total} {fact}", "write it again")
        segments.append((address, block[_HEAD.size : _HEAD.size + size]))
    return tuple(segments)


def drives(roots: Iterable[str] = _MOUNTS) -> list[Path]:
    """The mounted boot drives: folders below ``roots`` with a file INFO_UF2.TXT."""
    found = []
    for root in roots:
        for depth in ("*", "*/*"):
            found += [path.parent for path in Path(root).glob(f"{depth}/INFO_UF2.TXT")]
    return sorted(found)


def copy_to_drive(image: bytes, drive: Path | None = None) -> Path:
    """Copy ``image``, in UF2, to a boot drive, which flashes it and restarts the board.

    Without ``drive`` to the one that is mounted. Returns the path of the written file. Raises
    `FlashError` when there is no drive, or when there are several and none is named.
    """
    remedy = "hold BOOTSEL while you plug the board in, and wait for its drive"
    found = [drive] if drive is not None else drives()
    if not found:
        raise FlashError("UF2", "no boot drive is mounted", remedy)
    if len(found) > 1:
        names = ", ".join(map(str, found))
        raise FlashError("UF2", f"there are {len(found)} boot drives: {names}", "name one: --drive")
    if not (found[0] / "INFO_UF2.TXT").is_file():
        raise FlashError(found[0], "is not a boot drive, it has no INFO_UF2.TXT", remedy)
    target = found[0] / "firmware.uf2"
    try:
        with target.open("wb") as file:
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        # The board restarts after the last block, and its drive disappears: that is a success.
        if found[0].exists():
            reason = error.strerror or str(error)
            raise FlashError(target, reason, "unplug the board and try again") from None
    return target


def write(path: Path, segments: Segments, family: int) -> None:
    """Write an image as a UF2 file, to be copied to the drive by hand."""
    write_file(path, encode(segments, family))
