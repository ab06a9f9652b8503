"""Where two runs of the same vectors differ first, and what lies around that place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.hil_tests.session.build_files import SECTIONS, BuildModel, Vectors
from elegans.hil_tests.wire.messages import Ints

STEPS_AROUND = 16
"""How many steps before and after the first difference are kept."""
CHANNELS_AROUND = 32
"""How many states and outputs before and after the first that differs are kept, of its step."""


@dataclass(frozen=True)
class Difference:
    """One integer that differs from the reference.

    ``vector`` is the index of the vector; ``step`` counts from the vector at which its unbroken
    sequence of states began. ``name`` is that of the state or output in ``model.json``.
    """

    vector: int
    section: str
    step: int
    name: str
    expected: int
    got: int

    def __str__(self) -> str:
        return (
            f"vector {self.vector} ({self.section}), step {self.step}, {self.name}:"
            f" expected {self.expected}, got {self.got}"
        )


@dataclass(frozen=True)
class PairedSeries:
    """Integers that were expected and received, one beside the other.

    labels  of each: the index of its vector, or the name of its state or output
    at      the place of the first difference among them
    """

    labels: tuple[str, ...]
    expected: tuple[int, ...]
    got: tuple[int, ...]
    at: int

    def json(self) -> dict[str, Any]:
        """The series as plain data."""
        return {
            "labels": list(self.labels),
            "expected": list(self.expected),
            "got": list(self.got),
            "at": self.at,
        }


@dataclass(frozen=True)
class Surroundings:
    """What lies around the first difference.

    over_steps     its state or output in the vectors before and after it, of the same section
    over_channels  the states and outputs of its step, of all ``channels`` those around it
    wrong          how many of all states and outputs of its step differ
    """

    difference: Difference
    over_steps: PairedSeries
    over_channels: PairedSeries
    channels: int
    wrong: int

    def json(self) -> dict[str, Any]:
        """The surroundings as plain data, for a report."""
        return {
            "name": self.difference.name,
            "text": str(self.difference),
            "over_steps": self.over_steps.json(),
            "over_channels": self.over_channels.json(),
            "channels": self.channels,
            "wrong": self.wrong,
        }


@dataclass(frozen=True)
class Results:
    """What a run of golden vectors computed: outputs ``y [N, O]`` and next states ``h [N, H]``."""

    y: Ints
    h: Ints

    @classmethod
    def of_shape(cls, golden: Vectors) -> Results:
        """Zeros, to be filled in."""
        return cls(np.zeros_like(golden.y), np.zeros_like(golden.h_next))

    def wrong(self, golden: Vectors) -> NDArray[np.int64]:
        """How many integers of each vector differ from the golden ones, ``[N]``."""
        wrong_h = np.count_nonzero(self.h != golden.h_next, axis=1)
        wrong_y = np.count_nonzero(self.y != golden.y, axis=1)
        return np.asarray(wrong_h + wrong_y, np.int64)


def first_difference(
    model: BuildModel, golden: Vectors, start: int, y: Ints, h: Ints
) -> Difference | None:
    """The first difference between ``golden`` from vector ``start`` on and a board's outputs and
    states; within one step, states come before outputs. None if all are equal."""
    stop = start + len(y)
    expected = np.concatenate([golden.h_next[start:stop], golden.y[start:stop]], axis=1)
    got = np.concatenate([h, y], axis=1)
    if np.array_equal(got, expected):
        return None
    row, column = np.argwhere(got != expected)[0].tolist()
    vector = start + row
    channel = (*model.states, *model.outputs)[column]
    return Difference(
        vector=vector,
        section=SECTIONS[golden.section[vector]],
        step=vector - max(start for start in golden.breaks() if start <= vector),
        name=f"{'state' if column < len(model.states) else 'output'} {channel.name}",
        expected=int(expected[row, column]),
        got=int(got[row, column]),
    )


def surroundings(model: BuildModel, golden: Vectors, got: Results) -> Surroundings | None:
    """The first difference and what lies around it; None if nothing differs."""
    difference = first_difference(model, golden, 0, got.y, got.h)
    if difference is None:
        return None
    vector = difference.vector
    expected = np.concatenate([golden.h_next[vector], golden.y[vector]])
    received = np.concatenate([got.h[vector], got.y[vector]])
    column = int(np.flatnonzero(expected != received)[0])
    names = [f"state {c.name}" for c in model.states] + [f"output {c.name}" for c in model.outputs]
    return Surroundings(
        difference=difference,
        over_steps=_over_steps(golden, got, vector, column),
        over_channels=_series(names, expected, received, column, CHANNELS_AROUND),
        channels=len(names),
        wrong=int(np.count_nonzero(expected != received)),
    )


def _over_steps(golden: Vectors, got: Results, vector: int, column: int) -> PairedSeries:
    """One state or output in the vectors around ``vector`` that are of its section."""
    states = golden.h_next.shape[1]
    if column < states:
        expected, received = golden.h_next[:, column], got.h[:, column]
    else:
        expected, received = golden.y[:, column - states], got.y[:, column - states]
    same = np.flatnonzero(golden.section == golden.section[vector])
    at = int(np.searchsorted(same, vector))
    labels = [str(index) for index in same.tolist()]
    return _series(labels, expected[same], received[same], at, STEPS_AROUND)


def _series(labels: list[str], expected: Ints, got: Ints, at: int, around: int) -> PairedSeries:
    """The integers from ``around`` before to ``around`` after the place ``at``."""
    start, stop = max(at - around, 0), at + around + 1
    return PairedSeries(
        tuple(labels[start:stop]),
        tuple(expected[start:stop].tolist()),
        tuple(got[start:stop].tolist()),
        at - start,
    )
