"""What the frames say: one frozen dataclass a payload, with ``encode`` and ``parse``.

All integers are little-endian, all model values int16. `I` inputs, `D` (1 with elapsed
time, otherwise 0), `O` outputs and `H` neurons are a model's `Shape`; a board tells its
own in `Hello`.
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
    """A payload that does not say what its type promises."""


@dataclass(frozen=True)
class Shape:
    """How many integers a step takes and gives."""

    inputs: int
    outputs: int
    neurons: int
    has_dt: bool

    @property
    def columns(self) -> int:
        """Integers that enter a step beside the state: I + D."""
        return self.inputs + self.has_dt

    def steps_in_a_frame(self, max_frame: int, credit: int) -> int:
        """The largest count whose request and reply fit ``max_frame`` decoded bytes, the
        request also ``credit`` encoded ones; 0 when not even one step fits."""
        request = max_frame
        while request > 0 and encoded_size(request) > credit:
            request -= 1
        out = (request - OVERHEAD - _STEP.size - 2 * self.neurons) // (2 * max(self.columns, 1))
        back = (max_frame - OVERHEAD - _STEP_REPLY.size) // (2 * (self.outputs + self.neurons))
        return max(0, min(out, back, 255))


@dataclass(frozen=True)
class Hello:
    """A board's answer to HELLO: who it is, what it runs and how much it can take."""

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
        return _NONCE.pack(nonce)

    @property
    def reset(self) -> str:
        """The cause of the last reset in words."""
        known = self.reset_cause < len(RESET_CAUSES)
        return RESET_CAUSES[self.reset_cause] if known else f"cause {self.reset_cause}"

    def encode(self) -> bytes:
        fixed = _HELLO.pack(
            self.nonce,
            self.reset_cause,
            self.shape.has_dt,
            self.max_frame,
            self.credit,
            self.shape.inputs,
            self.shape.outputs,
            self.shape.neurons,
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
        if len(payload) < _HELLO.size:
            raise BadMessageError(f"{len(payload)} bytes, at least {_HELLO.size} belong")
        nonce, cause, has_dt, max_frame, credit, inputs, outputs, neurons, *rest = (
            _HELLO.unpack_from(payload)
        )
        counter_hz, fault_pc, fault_lr, fault_status, model, firmware = rest
        shape = Shape(inputs, outputs, neurons, bool(has_dt))
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
    """The payload of BAUD: bits a second."""
    return _BAUD.pack(rate)


@dataclass(frozen=True)
class Step:
    """Run ``inputs [count, I + D]`` (elapsed time last) from the state ``h [H]``."""

    h: Ints
    inputs: Ints
    timed: bool = False

    def encode(self) -> bytes:
        return b"".join(
            (
                _STEP.pack(_TIMED if self.timed else 0, len(self.inputs)),
                self.h.astype("<i2", copy=False).tobytes(),
                self.inputs.astype("<i2", copy=False).tobytes(),
            )
        )

    @classmethod
    def parse(cls, payload: bytes, shape: Shape) -> Step:
        if len(payload) < _STEP.size:
            raise BadMessageError("no flags and count")
        flags, count = _STEP.unpack_from(payload)
        values = _integers(payload, _STEP.size, shape.neurons + count * shape.columns)
        inputs = values[shape.neurons :].reshape(count, shape.columns)
        return cls(values[: shape.neurons], inputs, bool(flags & _TIMED))


@dataclass(frozen=True)
class StepReply:
    """The outputs ``y [count, O]`` and the states ``h [count, H]`` after each step.

    The ticks of the board's counter are those of one step, the fewest and the most of
    the request; both are 0 when it was not timed.
    """

    y: Ints
    h: Ints
    ticks_min: int = 0
    ticks_max: int = 0
    timed: bool = False

    def encode(self) -> bytes:
        flags = _TIMED if self.timed else 0
        head = _STEP_REPLY.pack(len(self.y), flags, self.ticks_min, self.ticks_max)
        return head + np.concatenate([self.y, self.h], axis=1).astype("<i2").tobytes()

    @classmethod
    def parse(cls, payload: bytes, shape: Shape) -> StepReply:
        if len(payload) < _STEP_REPLY.size:
            raise BadMessageError("no count, flags and ticks")
        count, flags, ticks_min, ticks_max = _STEP_REPLY.unpack_from(payload)
        width = shape.outputs + shape.neurons
        values = _integers(payload, _STEP_REPLY.size, count * width).reshape(count, width)
        y, h = values[:, : shape.outputs], values[:, shape.outputs :]
        return cls(y, h, ticks_min, ticks_max, bool(flags & _TIMED))


@dataclass(frozen=True)
class Refusal:
    """An ERROR frame: the board will not do what ``request_type`` asked."""

    code: int
    request_type: int

    def encode(self) -> bytes:
        return _ERROR.pack(self.code, self.request_type)

    @classmethod
    def parse(cls, payload: bytes) -> Refusal:
        if len(payload) != _ERROR.size:
            raise BadMessageError(f"{len(payload)} bytes, {_ERROR.size} belong")
        return cls(*_ERROR.unpack(payload))


def _integers(payload: bytes, offset: int, count: int) -> Ints:
    if len(payload) != offset + 2 * count:
        raise BadMessageError(f"{len(payload)} bytes, {offset + 2 * count} belong")
    return np.frombuffer(payload, "<i2", count, offset).astype(np.int16, copy=False)
