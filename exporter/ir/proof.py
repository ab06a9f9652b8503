"""The proof that no integer of a model overflows, for all inputs and any number of steps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.conversion import MOST_FRAC
from elegans.exporter.ir.fixed_model import (
    WIDE_BITS,
    Argument,
    Channel,
    Model,
    Step,
    walk,
)
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    INT32_MIN,
    Interval,
    RangeError,
    Value,
    join_intervals,
)

_MOST_ELEMENTS = 1 << 22  # of one vector
_SHIFTS, _MOST_SHIFT = {"shift", "align", "up", "left", "right", "frac", "reach"}, 64


def require_sound(model: Model) -> None:
    """Raise ValueError for a model that cannot be executed: of a file, whose digest is right, but
    that no export has written."""
    sizes = {"x": len(model.inputs), "dt": 1 if model.dt else 0}
    if sum(w.size for w in model.h_next) > _MOST_ELEMENTS:
        raise ValueError("h_next is too large")
    wide = sum(c.bits == WIDE_BITS for c in model.states)
    sizes["h"] = len(model.states) + wide
    for step in model.steps:
        _require_windows(step.name, step.inputs, sizes)
        if not 0 < step.size <= _MOST_ELEMENTS or len(step.frac) != step.size:
            raise ValueError(f"{step.name}: its size is not that of its formats")
        for field, value in vars(step.op).items():
            most = _MOST_SHIFT if field in _SHIFTS else INT32_MAX
            if isinstance(value, int) and not -most <= value <= most:
                raise ValueError(f"{step.name}: {field} is out of range")
        if any(abs(f) > MOST_FRAC for f in step.frac) or step.name in sizes:
            raise ValueError(f"{step.name}: a format or the name is wrong")
        sizes[step.name] = step.size
    _require_windows("y, h_next", (model.y, model.h_next), sizes)
    ends = (model.y, len(model.outputs)), (model.h_next, sizes["h"])
    if any(sum(w.size for w in argument) != size for argument, size in ends):
        raise ValueError("y or h_next has not the size of its channels")


def _require_windows(place: str, arguments: Sequence[Argument], sizes: dict[str, int]) -> None:
    for window in itertools.chain(*arguments):
        if not 0 <= window.lo < window.hi <= sizes[window.vector]:
            raise ValueError(f"{place}: it reads outside of {window.vector!r:.40}")


def prove(model: Model) -> dict[str, Interval]:
    """Bounds of every vector, for all inputs and any number of steps.

    The inputs may be any int16, elapsed time any integer of its size. The states are assumed
    within their channels' bounds, and h_next is shown to be within them again, so by induction
    the states never leave them. On the way every intermediate value is shown to fit int32. Raises
    `ElegansError`, naming the step or the state, if either fails.
    """
    any_dt = (INT32_MIN, INT32_MAX) if model.dt_bits == WIDE_BITS else (INT16_MIN, INT16_MAX)
    given = {
        "x": _any(len(model.inputs), INT16_MIN, INT16_MAX),
        "dt": _any(1, *any_dt),
        "h": _bounds(model.states),
    }

    indices = itertools.count()

    def apply(step: Step, args: list[Value]) -> Value:
        return step_range(next(indices), step, args)

    _, _, vectors = walk(model, given, join_intervals, apply)
    check_results(model, vectors)
    return vectors


def check_results(model: Model, bounds: dict[str, Interval]) -> None:
    """The induction of the proof: h_next has the format of h and is within the bounds of h.

    bounds  of every vector of the model, found under the assumption that h is within its own

    Raises `ElegansError` for a state or an output that leaves the bounds of its channel.
    """
    fracs = model.fracs()
    found = tuple(f for w in model.h_next for f in fracs[w.vector][w.lo : w.hi])
    if found != fracs["h"]:
        raise ElegansError("h_next", "its format is not that of h", "export the model again")
    h_next, y = (
        join_intervals([bounds[w.vector][w.lo : w.hi] for w in argument])
        for argument in (model.h_next, model.y)
    )
    for piece in model.pieces:
        states = model.states[piece.start : piece.start + piece.size]
        if piece.wide:  # any lower half belongs to an upper one within the bounds
            states = tuple(
                replace(c, frac=c.frac - 16, lo=_upper(c.lo), hi=_upper(c.hi)) for c in states
            )
        _check_bounds("h", piece.start, h_next[piece.at : piece.at + piece.size], states)
    _check_bounds("y", 0, y, model.outputs)


def step_range(index: int, step: Step, args: Sequence[Interval]) -> Interval:
    """The bounds of a step's result, for bounds of its arguments.

    Raises `ElegansError` with the step's number and name if an intermediate value could leave
    int32.
    """
    try:
        found = step.op.range(*args)
        return join_intervals(list(found)) if isinstance(found, tuple) else found
    except RangeError as error:
        raise ElegansError(
            f"step {index} ({step.name}, {step.op.kernel})",
            str(error),
            "declare a narrower input range, or train with smaller weights",
        ) from None


def _upper(a: int) -> int:
    return (a + (1 << 15)) >> 16


def _check_bounds(what: str, start: int, found: Interval, channels: Sequence[Channel]) -> None:
    for i, channel in enumerate(channels):
        lo, hi = int(found.lo[i]), int(found.hi[i])
        if lo < channel.lo or hi > channel.hi:
            reach, end = (hi, channel.hi) if hi > channel.hi else (lo, channel.lo)
            raise ElegansError(
                f"{what}[{start + i}] ({channel.name})",
                f"the next value can reach {reach / 2**channel.frac:g}, but its format is only "
                f"proved up to {end / 2**channel.frac:g}",
                "use a cell whose state is bounded (docs/cells.md), or smaller weights",
            )


def _bounds(channels: Sequence[Channel]) -> Interval:
    return Interval.of([c.lo for c in channels], [c.hi for c in channels])


def _any(size: int, lo: int, hi: int) -> Interval:
    return Interval.of(np.full(size, lo), np.full(size, hi))
