"""Frames on the wire: COBS between zero bytes, a four-byte header and a CRC-32.

    00 | COBS( version:u8  type:u8  sequence:u16  payload  crc:u32 ) | 00

This is the host's half of ``docs/protocol.md``; what a payload means is in `messages`.
Everything here is a pure function of bytes, except `Decoder`, whose only state is the
unfinished frame at the end of the stream.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from zlib import crc32

VERSION = 5
OVERHEAD = 8
"""Decoded bytes of a frame in addition to its payload: version 1, type 1, sequence 2, CRC 4."""

_HEADER = struct.Struct("<BBH")
_CRC = struct.Struct("<I")


class Kind(IntEnum):
    """Frame types. A reply is its request with the top bit set."""

    HELLO = 0x01
    STEP = 0x02
    RESET = 0x03
    BAUD = 0x04
    HELLO_REPLY = 0x81
    STEP_REPLY = 0x82
    RESET_REPLY = 0x83
    BAUD_REPLY = 0x84
    LOG = 0xC0
    ERROR = 0xFF


class ErrorCode(IntEnum):
    """The reason for which a board refuses a request."""

    VERSION = 1
    UNKNOWN_TYPE = 2
    MALFORMED = 3
    COUNT = 4
    BAUD = 5


class BadFrameError(ValueError):
    """Bytes that are no valid frame. The text is the reason in one word: `Decoder` counts by it."""


@dataclass(frozen=True)
class Frame:
    """One message. ``kind`` is an int, because a board may send a type that is not in `Kind`."""

    kind: int
    sequence: int
    payload: bytes = b""
    version: int = VERSION


def cobs_encode(data: bytes) -> bytes:
    """Consistent overhead byte stuffing (COBS): the same data without any zero byte.

    Source: Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM ToN 7(2), 1999.
    """
    out = bytearray()
    runs = data.split(b"\0")
    last = len(runs) - 1
    for index, run in enumerate(runs):
        # A block of 254 bytes stands for no zero. So a run of exactly 254 that is followed by
        # a zero needs an empty block after it; at the end of the data no zero follows.
        full = 254 if index < last else 255
        while len(run) >= full:
            out.append(255)
            out += run[:254]
            run = run[254:]
        out.append(len(run) + 1)
        out += run
    return bytes(out)


def cobs_decode(data: bytes) -> bytes:
    """The inverse of `cobs_encode`. Raises `BadFrameError` if a block is longer than the data.

    ``data`` must hold no zero byte; the caller has split the stream at the zeros.
    """
    blocks = []
    at, end = 0, len(data)
    while at < end:
        code = data[at]
        blocks.append(data[at + 1 : at + code])
        at += code
        if code < 255 and at < end:
            blocks.append(b"\0")
    if at != end:
        raise BadFrameError("cobs")
    return b"".join(blocks)


def encoded_size(decoded: int) -> int:
    """The most bytes that a frame of ``decoded`` bytes takes on the wire.

    COBS adds one byte, and one more for every 254; the two delimiters add two.
    """
    return decoded + decoded // 254 + 3


def decoded_size(encoded: int) -> int:
    """The most bytes that a frame may have decoded, so that it takes ``encoded`` at most."""
    room = encoded - 3
    return room - (room + 1) // 255


def encode(frame: Frame) -> bytes:
    """The bytes of a frame on the wire, with the zero before and the zero after it."""
    body = _HEADER.pack(frame.version, frame.kind, frame.sequence) + frame.payload
    return b"\0" + cobs_encode(body + _CRC.pack(crc32(body))) + b"\0"


def decode(block: bytes) -> Frame:
    """The frame in the bytes between two delimiters. Raises `BadFrameError` with the reason:
    ``cobs``, ``short`` (fewer than 8 bytes) or ``crc``."""
    body = cobs_decode(block)
    if len(body) < OVERHEAD:
        raise BadFrameError("short")
    if _CRC.unpack_from(body, len(body) - 4)[0] != crc32(body[:-4]):
        raise BadFrameError("crc")
    version, kind, sequence = _HEADER.unpack_from(body)
    return Frame(kind, sequence, body[4:-4], version)


class Decoder:
    """Finds the frames in a stream that arrives in pieces and may be damaged anywhere.

    After damage it resynchronises at the next zero byte. It never holds more than one frame
    of ``max_frame`` decoded bytes. ``received`` counts bytes, and ``frames`` the frames that were
    found in them; ``dropped`` counts the blocks that were no frame by reason: ``cobs``, ``short``,
    ``crc`` or ``long``.
    """

    def __init__(self, max_frame: int = 1 << 18) -> None:
        self.dropped: Counter[str] = Counter()
        self.received = 0
        self.frames = 0
        self._limit = encoded_size(max_frame) - 2  # without the delimiters
        self._rest = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes, in order."""
        self.received += len(data)
        *blocks, self._rest = (self._rest + data).split(b"\0")
        frames = [frame for block in blocks if (frame := self._frame(block)) is not None]
        self.frames += len(frames)
        if len(self._rest) > self._limit:
            self._rest = b""
            self._overlong = True
        return frames

    def _frame(self, block: bytes) -> Frame | None:
        if self._overlong or len(block) > self._limit:
            self._overlong = False
            self.dropped["long"] += 1
            return None
        if not block:
            return None
        try:
            return decode(block)
        except BadFrameError as reason:
            self.dropped[str(reason)] += 1
            return None
