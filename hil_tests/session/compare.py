"""Compares every output and every state of a board with the reference, bit for bit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.saturation import OUTPUT_RANGE, REMEDY, Saturation, saturations
from elegans.hil_tests.link.link import Link
from elegans.hil_tests.session.build_files import SECTIONS, BuildModel, Vectors
from elegans.hil_tests.session.differences import (
    Difference,
    Results,
    Surroundings,
    surroundings,
)
from elegans.hil_tests.session.stream import stream, ticks
from elegans.hil_tests.wire.errors import HilError, Phase

TIMED_PER_SECTION = 64
"""How many vectors of each section are timed: timing is slow on an emulator."""

_VIRTUAL_LINE, _REAL_LINE = 0.01, 0.1
"""The shares of requests that may be sent again before it is said."""

_FEW = 5
"""So many may be sent again, whatever their share."""


@dataclass(frozen=True)
class BoardFacts:
    """What is known of a board besides what it reports itself; None where it is not known.

    ``instructions`` converts ticks of the board's counter into executed instructions.
    ``flash_bytes`` and ``ram_bytes`` are what the model takes of the firmware, ``compiler`` is
    what it was compiled with, as ``zig -O2``.
    """

    emulator: str | None = None
    instructions: Callable[[int], int] | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    compiler: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The result of a comparison. A figure that is not known for this board is None.

    integers  how many were compared, of outputs and states together
    ticks     of the board's counter in one step, fewest and most, ``counter_hz`` of them a second;
              None if it does not count
    instructions  executed in one step, fewest and most; known for an emulated board
    flash_bytes, ram_bytes   what the model takes of the firmware
    stack_bytes   what one step takes of the stack
    firmware_digest   as the board reports it
    requests, resent, damaged_frames   how many requests there were, and what the line lost or
               damaged of them; frames: received during the run
    baud       bits a second; round_trip: seconds from a request for the handshake to its answer
    stack_reserved, stack_used  of the firmware: what the board has, and the most it has used
    saturated  for each layer and output that can saturate, the steps in which it did on the board;
               corner vectors start at the ends of ranges and do not count
    around     what lies around the first difference; not in `json`
    """

    board: str
    port: str
    emulator: str | None
    model: str
    model_digest: str
    vectors: int
    integers: int
    mismatches: int
    first_difference: Difference | None
    ticks: tuple[int, int] | None
    instructions: tuple[int, int] | None
    flash_bytes: int | None
    ram_bytes: int | None
    vectors_per_second: float
    requests: int
    resent: int
    damaged_frames: int
    stack_reserved: int | None
    stack_used: int | None
    saturated: tuple[Saturation, ...]
    compiler: str | None
    firmware_digest: str
    counter_hz: int
    frames: int
    baud: int
    round_trip: float | None
    around: Surroundings | None
    stack_bytes: int | None = None

    @property
    def passed(self) -> bool:
        """Whether every integer is right."""
        return self.mismatches == 0

    def json(self) -> dict[str, object]:
        """The verdict as one JSON object; unknown figures are null."""
        first = self.first_difference
        return {
            "board": self.board,
            "port": self.port,
            "emulator": self.emulator,
            "model": self.model,
            "model_digest": self.model_digest,
            "compiler": self.compiler,
            "firmware_digest": self.firmware_digest,
            "vectors": self.vectors,
            "integers": self.integers,
            "mismatches": self.mismatches,
            "first_difference": None if first is None else str(first),
            "ticks_per_step": _range(self.ticks),
            "ticks_per_second": self.counter_hz or None,
            "instructions_per_step": _range(self.instructions),
            "flash_bytes": self.flash_bytes,
            "ram_bytes": self.ram_bytes,
            "stack_bytes": self.stack_bytes,
            "vectors_per_second": round(self.vectors_per_second, 1),
            "requests": self.requests,
            "baud": self.baud,
            "round_trip_ms": None if self.round_trip is None else round(1e3 * self.round_trip, 3),
            "frames": self.frames,
            "resent": self.resent,
            "damaged_frames": self.damaged_frames,
            "stack_reserved": self.stack_reserved,
            "stack_used": self.stack_used,
            "doubt": self.doubt,
            "saturated_steps": {one.layer: one.steps for one in self.saturated},
        }

    def summary(self) -> str:
        """The verdict in one line for people."""
        parts = [
            f"{self.board} ({self.emulator or self.port}): {self.vectors} steps",
            f"{self.integers} integers compared, {self.mismatches} different",
        ]
        if self.instructions:
            low, high = self.instructions
            parts.append(f"{low if low == high else f'{low} to {high}'} instructions a step")
        if self.flash_bytes is not None:
            parts.append(f"{self.flash_bytes} bytes flash, {self.ram_bytes} bytes RAM")
        if self.stack_reserved is not None:
            parts.append(f"stack {self.stack_used:,} of {self.stack_reserved:,} bytes used")
        parts += [f"saturated: {one}" for one in self.saturated]
        if any(one.steps for one in self.saturated):
            parts.append(REMEDY)
        parts.append(f"{self.vectors_per_second:.0f} steps/s")
        return "; ".join([*parts, self.doubt] if self.doubt else parts)

    @property
    def doubt(self) -> str | None:
        """What is to be said against a line on which much was sent again; None if it was little.

        The bits are right all the same; but what loses requests on a virtual board, which has no
        line that could, may be the firmware.
        """
        share = _REAL_LINE if self.emulator is None else _VIRTUAL_LINE
        if self.resent <= max(_FEW, share * self.requests):
            return None
        text = f"{self.resent:,} requests were sent again, of {self.requests:,}"
        if self.emulator is None:
            return (
                f"{text}: the line is bad, the board drops bytes, or another program reads this "
                "port; check it with doctor --port"
            )
        return (
            f"{text}, on a line that loses nothing: the board drops bytes, or this machine is busy"
        )

    def require(self) -> Verdict:
        """Return the verdict if every integer is right. Raises `HilError` (MISMATCH) if not."""
        if self.passed:
            return self
        fact = f"{self.mismatches} of {self.integers} integers differ"
        where = f"{self.board} ({self.port})"
        raise mismatch(where, f"{fact}; first: {self.first_difference}")


def mismatch(place: str, fact: str) -> HilError:
    """The error for wrong integers."""
    remedy = (
        "compare the host build (`elegans run --on host`): if it agrees with the reference, "
        "suspect the compiler or the board"
    )
    return HilError(Phase.MISMATCH, place, fact, remedy)


def compare(
    link: Link,
    model: BuildModel,
    vectors: Vectors | None = None,
    facts: BoardFacts | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Send ``vectors`` (by default all of the model's) to a board and compare its answers.

    First some vectors of each section are timed, then all are compared. ``progress`` is called
    with the number of vectors done and in total.

    Raises `HilError` if the run cannot be completed, or if the board has overrun its stack; wrong
    integers do not raise.
    """
    facts = facts or BoardFacts()
    golden = model.vectors if vectors is None else vectors
    peer, resent, damaged = link.peer, link.resent, link.decoder.dropped.total()
    requests = link.requests
    frames = link.decoder.frames
    measured = measure(link, golden) if peer.counter_hz else None
    began = time.perf_counter()
    got = Results.of_shape(golden)
    for chunk in stream(link, golden):
        got.y[chunk.start : chunk.stop] = chunk.reply.y
        got.h[chunk.start : chunk.stop] = chunk.reply.h
        if progress is not None:
            progress(chunk.stop, len(golden))
    seconds = time.perf_counter() - began
    link.require_no_fault(peer)
    around, executed = surroundings(model, golden, got), None
    free = golden.section != SECTIONS.index("corner")
    saturated = saturations(model.states, got.h[free])
    saturated += saturations(model.outputs, got.y[free], OUTPUT_RANGE)
    if measured is not None and facts.instructions is not None:
        executed = (facts.instructions(measured[0]), facts.instructions(measured[1]))
    return Verdict(
        board=peer.board,
        port=link.port.name,
        emulator=facts.emulator,
        model=model.name,
        model_digest=model.digest,
        vectors=len(golden),
        integers=golden.y.size + golden.h_next.size,
        mismatches=int(got.wrong(golden).sum()),
        first_difference=None if around is None else around.difference,
        ticks=measured,
        instructions=executed,
        flash_bytes=facts.flash_bytes,
        ram_bytes=facts.ram_bytes,
        vectors_per_second=len(golden) / seconds,
        requests=link.requests - requests,
        resent=link.resent - resent,
        damaged_frames=link.decoder.dropped.total() - damaged,
        stack_reserved=link.peer.stack_reserved or None,
        stack_used=link.peer.stack_used if link.peer.stack_reserved else None,
        saturated=saturated,
        compiler=facts.compiler,
        firmware_digest=peer.firmware_digest.hex(),
        counter_hz=peer.counter_hz,
        frames=link.decoder.frames - frames,
        baud=link.port.baud,
        round_trip=link.hello_rtt.mean,
        around=around,
    )


def measure(link: Link, vectors: Vectors) -> tuple[int, int] | None:
    """The fewest and the most ticks of one step, over the first `TIMED_PER_SECTION` vectors of
    each section. None if the counter does not count."""
    counted = ticks(link, vectors[_timed(vectors)])
    counted = counted[counted > 0]  # 0 is a step whose time is not known
    return (int(counted.min()), int(counted.max())) if len(counted) else None


def _timed(vectors: Vectors) -> NDArray[np.intp]:
    """The indices of the vectors that are timed."""
    parts = [np.flatnonzero(vectors.section == s)[:TIMED_PER_SECTION] for s in range(len(SECTIONS))]
    return np.concatenate(parts)


def _range(pair: tuple[int, int] | None) -> dict[str, int] | None:
    return None if pair is None else {"min": pair[0], "max": pair[1]}
