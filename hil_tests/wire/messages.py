"""The payloads of frames: a frozen dataclass for each, with ``encode`` and ``parse``.

All integers are little-endian, all values of a model int16. A model has `I` inputs, `D` elapsed
times (1, or 0 if its sample period is fixed), `O` outputs and `H` states; `Shape` holds these
numbers. ``parse`` raises `BadMessageError` for a payload of the wrong size.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elegans.hil_tests.wire.frames import OVERHEAD, encoded_size

Ints = NDArray[np.int16]

RESET_CAUSES = ("unknown", "power", "pin", "software", "watchdog", "fault")

_NONCE = struct.Struct("<I")
_HELLO = struct.Struct("<IBBHHHHHIIII16s16s")
_BAUD = struct.Struct("<I")
_STEP = struct.Struct("<BB")
_STEP_REPLY = struct.Struct("<BBII")
_ERROR = struct.Struct("<BB")
_TIMED = 1


class BadMessageError(ValueError):
    """A payload that does not have the layout of its frame type."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a model: how many integers one step reads and writes."""

    inputs: int
    outputs: int
    states: int
    has_dt: bool

    @property
    def columns(self) -> int:
        """Integers that a step reads in addition to the states: I + D."""
        return self.inputs + self.has_dt

    def steps_in_a_frame(self, max_frame: int, credit: int) -> int:
        """How many steps one STEP request may ask for, at most 255; 0 if not even one fits.

        Request and reply must each fit ``max_frame`` decoded bytes, and the request also
        ``credit`` encoded bytes.
        """
        request = max_frame
        while request > 0 and encoded_size(request) > credit:
            request -= 1
        out = (request - OVERHEAD - _STEP.size - 2 * self.states) // (2 * max(self.columns, 1))
        back = (max_frame - OVERHEAD - _STEP_REPLY.size) // (2 * (self.outputs + self.states))
        return max(0, min(out, back, 255))


@dataclass(frozen=True)
class Hello:
    """A board's answer to HELLO: its name, its model and how much it can receive.

    max_frame     the longest frame, in decoded bytes
    credit        encoded bytes that the board can receive before it has answered any
    counter_hz    rate of the counter that times a step; 0 without a counter
    fault_*       address, link register and status of the fault that caused the last reset;
                  0 if none did
    *_digest      the first 16 bytes of each SHA-256
    """

    nonce: int
    reset_cause: int
    max_frame: int
    credit: int
    shape: Shape
    counter_hz: int
    fault_pc: int
    fault_lr: int
    fault_status: int
    model_digest: bytes
    firmware_digest: bytes
    board: str

    @staticmethod
    def request(nonce: int) -> bytes:
        """The payload of the request; the reply repeats its ``nonce``."""
        return _NONCE.pack(nonce)

    @property
    def reset(self) -> str:
        """The cause of the last reset as a word."""
        known = self.reset_cause < len(RESET_CAUSES)
        return RESET_CAUSES[self.reset_cause] if known else f"cause {self.reset_cause}"

    def encode(self) -> bytes:
        """The payload of the reply."""
        fixed = _HELLO.pack(
            self.nonce,
            self.reset_cause,
            self.shape.has_dt,
            self.max_frame,
            self.credit,
            self.shape.inputs,
            self.shape.outputs,
            self.shape.states,
            self.counter_hz,
            self.fault_pc,
            self.fault_lr,
            self.fault_status,
            self.model_digest,
            self.firmware_digest,
        )
        return fixed + self.board.encode("ascii")

    @classmethod
    def parse(cls, payload: bytes) -> Hello:
        """Read the payload of a reply."""
        if len(payload) < _HELLO.size:
            raise BadMessageError(f"{len(payload)} bytes instead of at least {_HELLO.size}")
        nonce, cause, has_dt, max_frame, credit, inputs, outputs, states, *rest = (
            _HELLO.unpack_from(payload)
        )
        counter_hz, fault_pc, fault_lr, fault_status, model, firmware = rest
        shape = Shape(inputs, outputs, states, bool(has_dt))
        board = payload[_HELLO.size :].decode("ascii", "replace")
        return cls(
            nonce,
            cause,
            max_frame,
            credit,
            shape,
            counter_hz,
            fault_pc,
            fault_lr,
            fault_status,
            model,
            firmware,
            board,
        )


def baud_request(rate: int) -> bytes:
    """The payload of a BAUD request; ``rate`` is in bits a second."""
    return _BAUD.pack(rate)


@dataclass(frozen=True)
class StepRequest:
    """A STEP request: run ``inputs [count, I + D]`` from the states ``h [H]``.

    The elapsed time is the last column of ``inputs``. ``timed`` asks the board to measure each
    step with its counter.
    """

    h: Ints
    inputs: Ints
    timed: bool = False

    def encode(self) -> bytes:
        """The payload of the request."""
        return b"".join(
            (
                _STEP.pack(_TIMED if self.timed else 0, len(self.inputs)),
                self.h.astype("<i2", copy=False).tobytes(),
                self.inputs.astype("<i2", copy=False).tobytes(),
            )
        )

    @classmethod
    def parse(cls, payload: bytes, shape: Shape) -> StepRequest:
        """Read the payload of a request to a model of ``shape``."""
        if len(payload) < _STEP.size:
            raise BadMessageError("no flags and count")
        flags, count = _STEP.unpack_from(payload)
        values = _integers(payload, _STEP.size, shape.states + count * shape.columns)
        inputs = values[shape.states :].reshape(count, shape.columns)
        return cls(values[: shape.states], inputs, bool(flags & _TIMED))


@dataclass(frozen=True)
class StepReply:
    """The answer to STEP: outputs ``y [count, O]`` and states ``h [count, H]`` after each step.

    ``ticks_min`` and ``ticks_max`` are the ticks of the board's counter in the fastest and in
    the slowest step of the request; both are 0 if it was not timed.
    """

    y: Ints
    h: Ints
    ticks_min: int = 0
    ticks_max: int = 0
    timed: bool = False

    def encode(self) -> bytes:
        """The payload of the reply."""
        flags = _TIMED if self.timed else 0
        head = _STEP_REPLY.pack(len(self.y), flags, self.ticks_min, self.ticks_max)
        return head + np.concatenate([self.y, self.h], axis=1).astype("<i2").tobytes()

    @classmethod
    def parse(cls, payload: bytes, shape: Shape) -> StepReply:
        """Read the payload of a reply from a model of ``shape``."""
        if len(payload) < _STEP_REPLY.size:
            raise BadMessageError("no count, flags and ticks")
        count, flags, ticks_min, ticks_max = _STEP_REPLY.unpack_from(payload)
        width = shape.outputs + shape.states
        values = _integers(payload, _STEP_REPLY.size, count * width).reshape(count, width)
        y, h = values[:, : shape.outputs], values[:, shape.outputs :]
        return cls(y, h, ticks_min, ticks_max, bool(flags & _TIMED))


@dataclass(frozen=True)
class Refusal:
    """The payload of an ERROR frame: the board refuses a request of type ``request_type``.

    ``code`` is an `ErrorCode`, or an int that this host does not know.
    """

    code: int
    request_type: int

    def encode(self) -> bytes:
        """The payload of the frame."""
        return _ERROR.pack(self.code, self.request_type)

    @classmethod
    def parse(cls, payload: bytes) -> Refusal:
        """Read the payload of an ERROR frame."""
        if len(payload) != _ERROR.size:
            raise BadMessageError(f"{len(payload)} bytes instead of {_ERROR.size}")
        return cls(*_ERROR.unpack(payload))


def _integers(payload: bytes, offset: int, count: int) -> Ints:
    if len(payload) != offset + 2 * count:
        raise BadMessageError(f"{len(payload)} bytes instead of {offset + 2 * count}")
    return np.frombuffer(payload, "<i2", count, offset).astype(np.int16, copy=False)
