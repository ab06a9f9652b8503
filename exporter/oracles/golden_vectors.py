"""Golden vectors: inputs and states of steps, and the exact outputs and states that follow.

Corner cases come first, then random runs from a fixed seed, then the user's recording. A
vector is one step, with the state before it. A new run begins wherever that state is not
the state after the previous vector.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elegans.exporter.data.recording import Recording, to_integers
from elegans.exporter.ir.fixed_model import Channel, Model
from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Integers
from elegans.exporter.oracles.reference import Trajectory, run, work

_SEED = 302  # any constant: the vectors of a model are the same on every machine


@dataclass(frozen=True)
class _Amount:
    """How many vectors a model gets.

    corners       corner vectors; a few more where there are more combinations of ends
    runs, length  random runs, and the steps of each
    held          the last runs hold their inputs for such a part of a run. Where they hold to the
                  end, they are at ends of their ranges, and times are the longest: states move as
                  far as they can
    """

    corners: int
    runs: int
    length: int
    held: tuple[int, ...]


_USUAL = _Amount(512, 50, 100, (1,) * 10 + (2,) * 5 + (4,) * 5 + (10,) * 5)
_MOST_PRODUCTS, _MOST_VALUES = 1 << 28, 1 << 19  # of images: of all vectors together
_MOST_WORK = 1 << 28  # numbers and weights of all vectors together
_FEWEST = _Amount(24, 4, 8, (1, 2))


def _amount(model: Model) -> _Amount:
    """The usual one; less where the step of a model takes long: with images, or thousands of
    neurons."""
    steps = _MOST_WORK // max(work(model), 1)
    if model.products:
        steps = min(_MOST_PRODUCTS // model.products, _MOST_VALUES // len(model.inputs))
    if steps >= _USUAL.corners + _USUAL.runs * _USUAL.length:
        return _USUAL
    length = 4 * max(steps // (8 * _FEWEST.runs), 1)
    corners = max(steps // 3, _FEWEST.corners)
    return _Amount(corners, _FEWEST.runs, max(length, _FEWEST.length), _FEWEST.held)


_TYPES: dict[int, type[np.signedinteger[Any]]] = {16: np.int16, 32: np.int32}

CORNER, RANDOM, RECORDED = 0, 1, 2  # values of `section`


def golden(model: Model, recording: Recording | None) -> dict[str, NDArray[Any]]:
    """The arrays of `vectors.npz`, one row for each of V vectors.

    x        [V, inputs] int16
    dt       [V], zeros if the sample period is a constant
    h        [V, states] before the step
    y        [V, outputs] int16
    h_next   [V, states] after the step
    section  [V] uint8: CORNER, RANDOM or RECORDED

    dt, h and h_next are int16, or int32 where the model has them in 32 bits.
    """
    rng = np.random.default_rng(_SEED)
    parts = [(CORNER, *_corners(model, rng)), (RANDOM, *_random(model, rng))]
    if recording is not None:
        parts.append((RECORDED, *_free_runs(model, *to_integers(recording, model))))
    columns = list(zip(*(rows for _, *rows in parts), strict=True))
    states, times = _TYPES[model.state_bits], _TYPES[model.dt_bits]
    types = {"x": np.int16, "dt": times, "h": states, "y": np.int16, "h_next": states}
    arrays: dict[str, NDArray[Any]] = {
        name: np.concatenate(column).astype(kind)
        for (name, kind), column in zip(types.items(), columns, strict=True)
    }
    sections = [np.full(len(rows[0]), section, np.uint8) for section, *rows in parts]
    return arrays | {"section": np.concatenate(sections)}


def free_runs(
    model: Model, arrays: dict[str, NDArray[np.generic]], recording: Recording | None
) -> dict[str, tuple[Integers, Integers, Trajectory]]:
    """The runs from rest among golden vectors, "random" and "recording": x, dt and the results.

    x [T, N, inputs] and dt [T, N] are N runs of T steps. `arrays` is what `golden` made of the
    same recording.
    """
    counts = {"random": (RANDOM, _amount(model).runs)}
    if recording is not None:
        counts["recording"] = (RECORDED, recording.x.shape[0])
    found = {}
    for source, (section, runs) in counts.items():
        rows = arrays["section"] == section
        x, dt, y, h, h_next = (
            arrays[name][rows].astype(np.int64).reshape(runs, -1, *arrays[name].shape[1:])
            for name in ("x", "dt", "y", "h", "h_next")
        )
        x, dt, y, h, h_next = (a.swapaxes(0, 1) for a in (x, dt, y, h, h_next))
        found[source] = (x, dt, Trajectory(y, h, h_next))
    return found


_Rows = tuple[Integers, Integers, Integers, Integers, Integers]  # x, dt, h, y, h_next


def _corners(model: Model, rng: np.random.Generator) -> _Rows:
    """Every combination of extreme inputs, times and states, then states and inputs of
    which each element is at a random end of its range.

    The inputs include both ends of int16, outside of the ranges that the device clamps to.
    """
    x_levels = [*_levels(model.inputs), np.full(len(model.inputs), INT16_MIN)]
    x_levels.append(np.full(len(model.inputs), INT16_MAX))
    dt_levels = _levels((model.dt,)) if model.dt else [np.zeros(1, np.int64)]
    h_levels = _levels(model.states)
    picks = list(itertools.product(x_levels, dt_levels, h_levels))
    lo, hi = _bounds(model.inputs)
    h_lo, h_hi = _bounds(model.states)
    most = _amount(model).corners
    if model.products:
        picks = picks[:: -(-len(picks) // most)]
    while len(picks) < most:  # each channel at either of its bounds
        x = np.where(rng.integers(0, 2, lo.shape), hi, lo)
        h = np.where(rng.integers(0, 2, h_lo.shape), h_hi, h_lo)
        picks.append((x, dt_levels[int(rng.integers(len(dt_levels)))], h))
    x, dt, h = (np.stack(column) for column in zip(*picks, strict=True))
    result = run(model, x[None], dt[None, :, 0], h)
    return x, dt[:, 0], h, result.y[0], result.h_next[0]


def _random(model: Model, rng: np.random.Generator) -> _Rows:
    """Runs with uniformly random inputs and times within their ranges; in some, inputs hold."""
    lo, hi = _bounds(model.inputs)
    amount = _amount(model)
    x = rng.integers(lo, hi + 1, (amount.runs, amount.length, len(lo)))
    dt_lo, dt_hi = _bounds((model.dt,)) if model.dt else (np.zeros(1, np.int64),) * 2
    dt = rng.integers(dt_lo[0], dt_hi[0] + 1, x.shape[:2])
    for number, parts in enumerate(amount.held, amount.runs - len(amount.held)):
        steps = amount.length // parts
        x[number] = x[number, ::steps].repeat(steps, axis=0)
        if parts == 1:
            x[number] = np.where(2 * x[number] > lo + hi, hi, lo)
            dt[number] = dt_hi[0]
    return _free_runs(model, x, dt)


def _free_runs(model: Model, x: Integers, dt: Integers) -> _Rows:
    """N runs of T steps that begin with a state of zeros: x [N, T, inputs], dt [N, T]."""
    result = run(model, x.swapaxes(0, 1), dt.swapaxes(0, 1))
    y, h, h_next = (_rows(a.swapaxes(0, 1)) for a in (result.y, result.h, result.h_next))
    return _rows(x), dt.reshape(-1), h, y, h_next


def _rows(values: Integers) -> Integers:
    return values.reshape(-1, values.shape[-1])


def _levels(channels: tuple[Channel, ...]) -> list[Integers]:
    """All channels at their lower bound, upper bound, zero, and middle."""
    lo, hi = _bounds(channels)
    return [lo, hi, np.clip(np.zeros_like(lo), lo, hi), (lo + hi) >> 1]


def _bounds(channels: tuple[Channel, ...]) -> tuple[Integers, Integers]:
    return np.array([c.lo for c in channels]), np.array([c.hi for c in channels])
