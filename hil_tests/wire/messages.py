"""The payloads of frames: a frozen dataclass for each, with ``encode`` and ``parse``.

All integers are little-endian. A model has `I` inputs and `O` outputs of 16 bits, `H` states of 16
or 32 bits, and `D` elapsed times of 16 or 32 bits (1, or 0 if its sample period is fixed); `Shape`
holds these numbers. ``parse`` raises `BadMessageError` for a payload of the wrong size.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from elegans.hil_tests.wire.frames import OVERHEAD, decoded_size

Ints = NDArray[np.signedinteger[Any]]
"""Integers of a model: int16, or int32 for states and elapsed times of 32 bits."""

Rows = NDArray[np.void]
"""What one step after another reads: a structured array with the fields ``x`` and ``dt``."""

RESET_CAUSES = ("unknown", "power", "pin", "software", "watchdog", "fault")

_NONCE = struct.Struct("<I")
_HELLO = struct.Struct("<IBBBIIHHHIIIIII16s16s")
_BAUD = struct.Struct("<I")
_STEP = struct.Struct("<BB")
_STEP_REPLY = struct.Struct("<BBII")
_ERROR = struct.Struct("<BB")
_TIMED = 1


class BadMessageError(ValueError):
    """A payload that does not have the layout of its frame type."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a model: how many integers one step reads and writes, and their bytes.

    state_bytes  of each state, 2 or 4
    dt_bytes     of elapsed time, 2 or 4; 0 if the sample period is fixed
    """

    inputs: int
    outputs: int
    states: int
    state_bytes: int
    dt_bytes: int

    def __str__(self) -> str:
        dt = f"elapsed time of {8 * self.dt_bytes} bits" if self.dt_bytes else "no elapsed time"
        states = f"{self.states} states of {8 * self.state_bytes} bits"
        return f"{self.inputs} inputs, {self.outputs} outputs, {states}, {dt}"

    @property
    def state_type(self) -> np.dtype[np.signedinteger[Any]]:
        """The type of the states: int16 or int32."""
        return np.dtype(f"i{self.state_bytes}")

    @property
    def step_bytes(self) -> int:
        """The bytes that a step reads in addition to the states."""
        return 2 * self.inputs + self.dt_bytes

    @property
    def result_bytes(self) -> int:
        """The bytes that a step writes: outputs and states."""
        return 2 * self.outputs + self.state_bytes * self.states

    def rows(self, x: ArrayLike, dt: ArrayLike) -> Rows:
        """Inputs ``x [T, I]`` and elapsed times ``dt [T]`` as the rows [T] of a STEP request.

        ``dt`` is ignored if the sample period is fixed. Raises `ValueError` for arrays of a wrong
        shape, and for integers that do not fit.
        """
        given = as_integers(x, np.int16)
        if given.ndim != 2 or given.shape[1] != self.inputs:
            raise ValueError(f"x has the shape {given.shape} instead of [T, {self.inputs}]")
        rows = np.zeros(len(given), self._row)
        rows["x"] = given
        if self.dt_bytes:
            times = as_integers(dt, f"i{self.dt_bytes}")
            if times.shape != rows.shape:
                raise ValueError(f"dt has the shape {times.shape} instead of ({len(rows)},)")
            rows["dt"] = times[:, None]
        return rows

    @property
    def _row(self) -> np.dtype[np.void]:
        """One step of a request: D integers ``dt`` behind I integers ``x``."""
        return _packed(x=(2, self.inputs), dt=(self.dt_bytes or 2, int(bool(self.dt_bytes))))

    def steps_in_a_frame(self, max_frame: int, credit: int) -> int:
        """How many steps one STEP request may ask for, at most 255; 0 if not even one fits.

        Request and reply must each fit ``max_frame`` decoded bytes, and the request also
        ``credit`` encoded bytes.
        """
        request = min(max_frame, decoded_size(credit))
        head = OVERHEAD + _STEP.size + self.state_bytes * self.states
        out = (request - head) // max(self.step_bytes, 1)
        back = (max_frame - OVERHEAD - _STEP_REPLY.size) // max(self.result_bytes, 1)
        return max(0, min(out, back, 255))


@dataclass(frozen=True)
class Hello:
    """A board's answer to HELLO: its name, its model and how much it can receive.

    max_frame     the longest frame, in decoded bytes
    credit        encoded bytes that the board can receive before it has answered any
    counter_hz    rate of the counter that times a step; 0 without a counter
    fault_*       address, link register and status of the fault that caused the last reset;
                  0 if none did
    stack_reserved   bytes that the board has, `stack_bytes` in docs/protocol.md; 0 if it does not
                  measure its stack
    stack_used    the most that were used since its start; more than there are if it was overrun
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
    stack_reserved: int
    stack_used: int
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
            self.shape.state_bytes,
            self.shape.dt_bytes,
            self.max_frame,
            self.credit,
            self.shape.inputs,
            self.shape.outputs,
            self.shape.states,
            self.counter_hz,
            self.fault_pc,
            self.fault_lr,
            self.fault_status,
            self.stack_reserved,
            self.stack_used,
            self.model_digest,
            self.firmware_digest,
        )
        return fixed + self.board.encode("ascii")

    @classmethod
    def parse(cls, payload: bytes) -> Hello:
        """Read the payload of a reply."""
        if len(payload) < _HELLO.size:
            raise BadMessageError(f"{len(payload)} bytes instead of at least {_HELLO.size}")
        nonce, cause, state_bytes, dt_bytes, max_frame, credit, *rest = _HELLO.unpack_from(payload)
        inputs, outputs, states, counter_hz, *rest = rest
        fault_pc, fault_lr, fault_status, stack_reserved, stack_used, model, firmware = rest
        if state_bytes not in (2, 4) or dt_bytes not in (0, 2, 4):
            raise BadMessageError(f"states of {state_bytes} bytes and a dt of {dt_bytes}")
        shape = Shape(inputs, outputs, states, state_bytes, dt_bytes)
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
            stack_reserved,
            stack_used,
            model,
            firmware,
            board,
        )


def baud_request(rate: int) -> bytes:
    """The payload of a BAUD request; ``rate`` is in bits a second."""
    return _BAUD.pack(rate)


@dataclass(frozen=True)
class StepRequest:
    """A STEP request: run ``inputs [count]``, made by `Shape.rows`, from the states ``h [H]``.

    The states are sent with the bytes of ``h.dtype``. ``timed`` asks the board to measure each
    step with its counter.
    """

    h: Ints
    inputs: Rows
    timed: bool = False

    def encode(self) -> bytes:
        """The payload of the request."""
        return b"".join(
            (
                _STEP.pack(_TIMED if self.timed else 0, len(self.inputs)),
                self.h.astype(self.h.dtype.newbyteorder("<"), copy=False).tobytes(),
                self.inputs.tobytes(),
            )
        )

    @classmethod
    def parse(cls, payload: bytes, shape: Shape) -> StepRequest:
        """Read the payload of a request to a model of ``shape``."""
        if len(payload) < _STEP.size:
            raise BadMessageError("no flags and count")
        flags, count = _STEP.unpack_from(payload)
        start = _STEP.size + shape.state_bytes * shape.states
        _require_size(payload, start + count * shape.step_bytes)
        h = np.frombuffer(payload, f"<i{shape.state_bytes}", shape.states, _STEP.size)
        inputs = np.ndarray((count,), shape._row, payload, start)
        return cls(h.astype(shape.state_type), inputs, bool(flags & _TIMED))


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
        row = _packed(y=(2, self.y.shape[1]), h=(self.h.itemsize, self.h.shape[1]))
        rows = np.zeros(len(self.y), row)
        rows["y"], rows["h"] = self.y, self.h
        return head + rows.tobytes()

    @classmethod
    def parse(cls, payload: bytes, shape: Shape) -> StepReply:
        """Read the payload of a reply from a model of ``shape``."""
        if len(payload) < _STEP_REPLY.size:
            raise BadMessageError("no count, flags and ticks")
        count, flags, ticks_min, ticks_max = _STEP_REPLY.unpack_from(payload)
        _require_size(payload, _STEP_REPLY.size + count * shape.result_bytes)
        row = _packed(y=(2, shape.outputs), h=(shape.state_bytes, shape.states))
        rows: Rows = np.ndarray((count,), row, payload, _STEP_REPLY.size)
        y, h = rows["y"].astype(np.int16), rows["h"].astype(shape.state_type)
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


def as_integers(values: ArrayLike, kind: DTypeLike) -> Ints:
    """The same integers as an array of type ``kind``. Raises `ValueError` if any does not fit."""
    given = np.asarray(values)
    cast: Ints = given.astype(kind)
    if not np.array_equal(cast, given):
        raise ValueError(f"not all values fit {cast.dtype}")
    return cast


def _packed(**fields: tuple[int, int]) -> np.dtype[np.void]:
    """A structured type without gaps: for each field the bytes and the number of its integers."""
    return np.dtype([(name, f"<i{size}", (count,)) for name, (size, count) in fields.items()])


def _require_size(payload: bytes, size: int) -> None:
    if len(payload) != size:
        raise BadMessageError(f"{len(payload)} bytes instead of {size}")
