"""A simulated board behind a pseudo-terminal, whose faults a test can choose.

A thread answers the protocol of ``docs/protocol.md`` with a small integer model, over a line that
can lose, damage, repeat and delay data.
"""

from __future__ import annotations

import json
import os
import random
import select
import termios
import threading
import tty
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from elegans.hil_tests.wire.frames import VERSION, Decoder, ErrorCode, Frame, Kind, encode
from elegans.hil_tests.wire.messages import (
    BadMessageError,
    Hello,
    Ints,
    Refusal,
    Rows,
    Shape,
    StepReply,
    StepRequest,
)

SHAPE = Shape(inputs=3, outputs=2, states=5, state_bytes=2, dt_bytes=2)
WIDE = replace(SHAPE, state_bytes=4, dt_bytes=4)
DIGEST = "5e" * 32
BOARD = "fake-board"

_WEIGHTS = np.random.default_rng(1).integers(-9000, 9000, (SHAPE.states, 8))


def model_run(h: Ints, inputs: Rows) -> tuple[Ints, Ints]:
    """A saturating linear map, free-running from ``h [5]``: ``y [T, 2]``, ``h [T, 5]``.

    ``inputs [T]`` are rows of `SHAPE` or `WIDE`. The states have the bits of ``h``.
    """
    y = np.zeros((len(inputs), SHAPE.outputs), np.int16)
    states = np.zeros((len(inputs), SHAPE.states), h.dtype)
    ends, more = np.iinfo(h.dtype), 8 * h.itemsize - 16
    for t, row in enumerate(inputs):
        drive = np.concatenate([row["x"].astype(np.int64) << more, h.astype(np.int64)])
        total = (_WEIGHTS @ drive >> 14) + row["dt"]
        h = states[t] = np.clip(total, ends.min, ends.max)
        y[t] = states[t, -SHAPE.outputs :] >> more
    return y, states


def write_build(
    path: Path, random_steps: int = 120, recorded: int = 200, shape: Shape = SHAPE
) -> Path:
    """A BUILD of the fake board's model: ``model.json`` and ``vectors.npz``."""
    rng = np.random.default_rng(2)
    first_recorded = 16 + random_steps
    count, bits = first_recorded + recorded, 8 * shape.state_bytes
    x = rng.integers(-32768, 32768, (count, 3)).astype(np.int16)
    ends = np.iinfo(shape.state_type)
    dt = rng.integers(ends.min, ends.max, count).astype(shape.state_type)
    h = rng.integers(ends.min, ends.max, (count, shape.states)).astype(shape.state_type)
    h[first_recorded] = 0
    y, h_next = np.zeros((count, shape.outputs), np.int16), np.zeros_like(h)
    inputs = shape.rows(x, dt)
    for i in range(count):
        if i > first_recorded:
            h[i] = h_next[i - 1]
        [y[i]], [h_next[i]] = model_run(h[i], inputs[i : i + 1])
    section = np.repeat(np.arange(3), [16, random_steps, recorded]).astype(np.uint8)
    path.mkdir(parents=True, exist_ok=True)
    np.savez(path / "vectors.npz", x=x, dt=dt, h=h, y=y, h_next=h_next, section=section)

    def signal(name: str, bits: int = 16) -> dict[str, object]:
        end = 1 << bits - 1
        return {"name": name, "unit": "", "bits": bits, "frac": bits - 1, "lo": -end, "hi": end - 1}

    model = {
        "schema": 1,
        "name": "fake",
        "digest": DIGEST,
        "inputs": [signal(f"in{i}") for i in range(3)],
        "dt": signal("dt", bits),
        "outputs": [signal("left"), signal("right")],
        "states": [signal(f"ring[{i}]", bits) for i in range(shape.states)],
    }
    (path / "model.json").write_text(json.dumps(model))
    return path


@dataclass(frozen=True)
class LineFaults:
    """Probabilities of faults of the line: ``flip`` for each byte, the others for each frame."""

    flip: float = 0.0
    drop: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Behaviour:
    """How the board behaves.

    shape         of its model, `SHAPE` or `WIDE`
    version       of the protocol that it speaks; it refuses requests of any other
    silent, silent_after, fault_after   answer nothing; stop answering, or fault, after so many
                  STEP requests
    other_bytes   are sent before every answer
    wrong_step    the step, counted from power-on, that has a wrong bit; ``wrong_always``: all
    counts        whether its counter counts
    wrong_kind    the frame type of answers to STEP
    log_every     a LOG frame every so many STEP requests
    stack_bytes, stack_used   that HELLO reports
    supported_rates, highest_reliable_rate   baud rates that the board's clock can make, and up
                  to which the line does not damage data
    """

    board: str = BOARD
    digest: str = DIGEST
    shape: Shape = SHAPE
    version: int = VERSION
    silent: bool = False
    other_bytes: bytes = b""
    silent_after: int | None = None
    fault_after: int | None = None
    wrong_step: int | None = None
    wrong_always: bool = False
    wrong_kind: int | None = None
    counts: bool = True
    max_frame: int = 512
    credit: int = 1536
    counter_hz: int = 1_000_000
    log_every: int = 0
    line: LineFaults = field(default_factory=LineFaults)
    baud: int = 115_200
    supported_rates: tuple[int, ...] = (115_200, 230_400, 460_800, 921_600)
    highest_reliable_rate: int = 10_000_000
    stack_bytes: int = 1536
    stack_used: int = 620


_SPEEDS = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[1:].isdigit()}


class FakeDevice:
    """The board: ``with FakeDevice(...) as device``; the host opens ``device.port``."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.steps = self.requests = self.resets = 0
        self.most_in_flight = 0
        self._random = random.Random(self.behaviour.line.seed)
        self._late: list[bytes] = []
        self._faulted = False
        self.baud = self.behaviour.baud
        self._invalid = 0
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        os.set_blocking(self._master, False)
        self._wake, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> FakeDevice:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stop, b"x")
        self._thread.join()
        for fd in (self._master, self._slave, self._wake, self._stop):
            os.close(fd)

    def _serve(self) -> None:
        decoder = Decoder(self.behaviour.max_frame)
        while True:
            wait = 0.003 if self._late else None
            ready, _, _ = select.select([self._master, self._wake], [], [], wait)
            if self._wake in ready:
                return
            if not ready:
                self._write(b"".join(self._late))
                self._late.clear()
                continue
            data = os.read(self._master, 65536)
            self.most_in_flight = max(self.most_in_flight, len(data))
            if self.behaviour.other_bytes:
                self._write(self.behaviour.other_bytes)
            if self.behaviour.silent:
                continue
            for frame in self._decoded(decoder, self._noisy(data)):
                for _ in range(self._copies()):
                    self._transmit(self._answer(frame))

    def _decoded(self, decoder: Decoder, data: bytes) -> list[Frame]:
        """The frames in ``data``; too much invalid data resets it to its first rate."""
        before = decoder.dropped.total()
        frames = decoder.feed(data)
        bad = decoder.dropped.total() - before
        self._invalid = (
            0 if frames else self._invalid + len(data) + bad * self.behaviour.max_frame // 8
        )
        if self._invalid > 2 * self.behaviour.max_frame:
            self.baud = self.behaviour.baud
        return frames

    def _answer(self, frame: Frame) -> Frame | None:
        version = self.behaviour.version  # boards before version 3 refused another's HELLO, too
        if frame.version != version and (version < 3 or frame.kind != Kind.HELLO):
            return self._refuse(frame, ErrorCode.VERSION)
        if frame.kind == Kind.HELLO:
            return self._reply(frame, self._hello(frame.payload).encode())
        if frame.kind == Kind.BAUD:
            rate = int.from_bytes(frame.payload, "little")
            if rate not in self.behaviour.supported_rates:
                return self._refuse(frame, ErrorCode.BAUD)
            self._transmit(self._reply(frame, b""))
            self.baud = rate
            return None
        if frame.kind == Kind.RESET:
            self.resets += 1
            self._transmit(self._reply(frame, b""))
            self.baud = self.behaviour.baud
            return None
        if frame.kind == Kind.STEP:
            return self._step(frame)
        return self._refuse(frame, ErrorCode.UNKNOWN_TYPE)

    def _hello(self, payload: bytes) -> Hello:
        return Hello(
            nonce=int.from_bytes(payload, "little"),
            reset_cause=5 if self._faulted else 3 if self.resets else 1,
            max_frame=self.behaviour.max_frame,
            credit=self.behaviour.credit,
            shape=self.behaviour.shape,
            counter_hz=self.behaviour.counter_hz,
            fault_pc=0x1234 if self._faulted else 0,
            fault_lr=0x5679 if self._faulted else 0,
            fault_status=0x8200 if self._faulted else 0,
            stack_reserved=self.behaviour.stack_bytes,
            stack_used=self.behaviour.stack_used,
            model_digest=bytes.fromhex(self.behaviour.digest)[:16],
            firmware_digest=bytes(16),
            board=self.behaviour.board,
        )

    def _step(self, frame: Frame) -> Frame | None:
        behaviour = self.behaviour
        self.requests += 1
        if behaviour.fault_after is not None and self.requests > behaviour.fault_after:
            self._faulted = True
            return None
        if behaviour.silent_after is not None and self.requests > behaviour.silent_after:
            return None
        try:
            step = StepRequest.parse(frame.payload, behaviour.shape)
        except BadMessageError:
            return self._refuse(frame, ErrorCode.MALFORMED)
        room = behaviour.max_frame - 18
        if not 1 <= len(step.inputs) <= room // behaviour.shape.result_bytes:
            return self._refuse(frame, ErrorCode.COUNT)
        y, h = model_run(step.h, step.inputs)
        if behaviour.wrong_step is not None and 0 <= behaviour.wrong_step - self.steps < len(h):
            h[behaviour.wrong_step - self.steps, 2] ^= 1
        if behaviour.wrong_always:
            h[:, 2] ^= 1
        self.steps += len(h)
        if behaviour.log_every and self.requests % behaviour.log_every == 0:
            self._transmit(Frame(Kind.LOG, 0, f"request {self.requests}".encode()))
        ticks = 321 if step.timed and behaviour.counts else 0
        return self._reply(frame, StepReply(y, h, ticks, ticks, step.timed).encode())

    def _reply(self, request: Frame, payload: bytes) -> Frame:
        kind = request.kind | 0x80
        if self.behaviour.wrong_kind is not None and request.kind == Kind.STEP:
            kind = self.behaviour.wrong_kind
        return Frame(kind, request.sequence, payload, self.behaviour.version)

    def _refuse(self, request: Frame, code: ErrorCode) -> Frame:
        refusal = Refusal(code, request.kind).encode()
        return Frame(Kind.ERROR, request.sequence, refusal, self.behaviour.version)

    def _copies(self) -> int:
        """How often a frame arrives: mostly once."""
        line = self.behaviour.line
        if self._random.random() < line.drop:
            return 0
        return 2 if self._random.random() < line.duplicate else 1

    def _transmit(self, frame: Frame | None) -> None:
        if frame is None:
            return
        for _ in range(self._copies()):
            data = self._noisy(encode(frame))
            if self._random.random() < self.behaviour.line.delay:
                self._late.append(data)
            else:
                self._write(data)

    def _noisy(self, data: bytes) -> bytes:
        chance = self.behaviour.line.flip
        host_rate = _SPEEDS[termios.tcgetattr(self._master)[4]]
        if host_rate != self.baud:  # sampled at the wrong rate, every byte is random
            return self._random.randbytes(max(1, len(data) * self.baud // host_rate))
        if self.baud > self.behaviour.highest_reliable_rate:
            chance = 0.02
        if not chance:
            return data
        noisy = bytearray(data)
        for at in range(len(noisy)):
            if self._random.random() < chance:
                noisy[at] ^= 1 << self._random.randrange(8)
        return bytes(noisy)

    def _write(self, data: bytes) -> None:
        """Wait for room on the line, but not when the device is stopped: the host may be gone."""
        while data:
            ready, room, _ = select.select([self._wake], [self._master], [])
            if ready:
                return
            if room:
                data = data[os.write(self._master, data) :]
