"""Frames on the wire: COBS between zero bytes, a four-byte header and a CRC-32.

    00 | COBS( version:u8  type:u8  sequence:u16  payload  crc:u32 ) | 00

This is the host's half of ``docs/protocol.md``; what a payload means is in `messages`.
Everything here is a pure function of bytes, apart from `Decoder`, whose only state is
the unfinished frame at the end of the stream.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from zlib import crc32

VERSION = 2
OVERHEAD = 8
"""Bytes of a frame beside its payload: version, type, sequence and CRC."""

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
    """Why a board refuses a request."""

    VERSION = 1
    UNKNOWN_TYPE = 2
    MALFORMED = 3
    COUNT = 4
    BAUD = 5


class BadFrameError(ValueError):
    """Bytes that are no frame; the text is one word, which `Decoder` counts by."""


@dataclass(frozen=True)
class Frame:
    """One message. ``kind`` stays an int: a board may send a type that this host does not know."""

    kind: int
    sequence: int
    payload: bytes = b""
    version: int = VERSION


def cobs_encode(data: bytes) -> bytes:
    """Consistent overhead byte stuffing: the same information without a zero byte."""
    out = bytearray()
    runs = data.split(b"\0")
    last = len(runs) - 1
    for index, run in enumerate(runs):
        # A block of 254 stands for no zero, so a run of exactly 254 needs an empty
        # block after it, except at the very end, where nothing follows.
        full = 254 if index < last else 255
        while len(run) >= full:
            out.append(255)
            out += run[:254]
            run = run[254:]
        out.append(len(run) + 1)
        out += run
    return bytes(out)


def cobs_decode(data: bytes) -> bytes:
    """The inverse of `cobs_encode`; `BadFrameError` when a block runs past the end.

    ``data`` holds no zero byte: the caller has split the stream at them.
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
    """The most bytes that a frame of ``decoded`` bytes takes on the wire, delimiters included."""
    return decoded + decoded // 254 + 3


def encode(frame: Frame) -> bytes:
    """A frame as it goes on the wire, with its leading and trailing zero."""
    body = _HEADER.pack(frame.version, frame.kind, frame.sequence) + frame.payload
    return b"\0" + cobs_encode(body + _CRC.pack(crc32(body))) + b"\0"


def decode(block: bytes) -> Frame:
    """The frame between two delimiters; `BadFrameError` names what is wrong with it."""
    body = cobs_decode(block)
    if len(body) < OVERHEAD:
        raise BadFrameError("short")
    if _CRC.unpack_from(body, len(body) - 4)[0] != crc32(body[:-4]):
        raise BadFrameError("crc")
    version, kind, sequence = _HEADER.unpack_from(body)
    return Frame(kind, sequence, body[4:-4], version)


class Decoder:
    """Frames out of a stream that arrives in any pieces, and may be damaged anywhere.

    It resynchronises at the next zero byte and never holds more than one frame of
    ``max_frame`` decoded bytes. ``dropped`` counts what was no frame, by reason:
    ``cobs``, ``short``, ``crc`` or ``long``.
    """

    def __init__(self, max_frame: int = 0xFFFF) -> None:
        self.dropped: Counter[str] = Counter()
        self.received = 0
        self._limit = encoded_size(max_frame)
        self._rest = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[Frame]:
        """Every frame that ``data`` completes, in order."""
        self.received += len(data)
        *blocks, self._rest = (self._rest + data).split(b"\0")
        frames = [frame for block in blocks if (frame := self._frame(block)) is not None]
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
