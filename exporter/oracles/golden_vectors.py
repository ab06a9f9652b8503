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
from elegans.exporter.oracles.reference import Trajectory, elements, multiplications, run, work

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


_MORE = 100
"""Random runs beside those of the golden vectors, which only the errors are measured on. In six of
ten the inputs hold all the time, and all elapsed times of such a run are the shortest, the middle
or the longest one."""
_MORE_PRODUCTS = 1 << 26  # of these runs together; large networks have fewer
_HELD, _HELD_PRODUCTS, _HELD_ELEMENTS = 360, 1 << 28, 1 << 26
"""The same of runs "held", in which inputs and times never change; and the numbers that all of
their steps compute together: a solver has many."""

_LONG, _LONG_STEPS, _LONG_HOLDS = 16, 1000, 50
"""Runs "long" and the steps of each; in every other one inputs hold for so many steps. Errors add
up in states that remember for longer than the runs above last."""

_TYPES: dict[int, type[np.signedinteger[Any]]] = {16: np.int16, 32: np.int32}

CORNER, RANDOM, RECORDED = 0, 1, 2  # values of `section`


Runs = dict[str, tuple[Integers, Integers, Trajectory]]
"""By their source: inputs x [T, N, inputs] and dt [T, N] of N runs from rest, and the results."""

FIRST = ("random", "recording")
"""The sources of the runs that every model gets."""


def free_runs(model: Model, recording: Recording | None) -> Runs:
    """Runs "random" and "recording". The first random ones are golden vectors."""
    rng = np.random.default_rng(_SEED)
    _corner_inputs(model, rng)
    parts = [_random(model, rng), _more(model)]
    found = {"random": _ran(model, *(np.concatenate(p) for p in zip(*parts, strict=True)))}
    if recording is not None:
        found["recording"] = _ran(model, *to_integers(recording, model))
    return found


def more_runs(model: Model) -> Runs:
    """Runs "held": a third each with the shortest, the middle and the longest elapsed time. They
    find what is rare, as a state that stays near a point from which it moves away. And runs
    "long". Large networks have fewer of both, or none."""
    rng, length = np.random.default_rng(_SEED + 2), _amount(model).length
    x, dt = _held(model, rng, _affordable(model, _HELD, length), length)
    found = {"held": _ran(model, x, dt)} if len(x) else {}
    x, dt = _long(model, rng, _affordable(model, _LONG, _LONG_STEPS), _LONG_STEPS)
    return found | ({"long": _ran(model, x, dt)} if len(x) else {})


def same_runs(model: Model, runs: Runs) -> Runs:
    """Runs of another model on the same inputs."""
    return {source: (x, dt, run(model, x, dt)) for source, (x, dt, _) in runs.items()}


def golden(model: Model, runs: Runs) -> dict[str, NDArray[Any]]:
    """The arrays of `vectors.npz`, one row for each of V vectors; `runs` are those of `free_runs`.

    x        [V, inputs] int16
    dt       [V], zeros if the sample period is a constant
    h        [V, states] before the step
    y        [V, outputs] int16
    h_next   [V, states] after the step
    section  [V] uint8: CORNER, RANDOM or RECORDED

    dt, h and h_next are int16, or int32 where the model has them in 32 bits.
    """
    parts = [(CORNER, *_corners(model)), (RANDOM, *_rows(runs["random"], _amount(model).runs))]
    if "recording" in runs:
        parts.append((RECORDED, *_rows(runs["recording"])))
    columns = list(zip(*(rows for _, *rows in parts), strict=True))
    states, times = _TYPES[model.state_bits], _TYPES[model.dt_bits]
    types = {"x": np.int16, "dt": times, "h": states, "y": np.int16, "h_next": states}
    arrays: dict[str, NDArray[Any]] = {
        name: np.concatenate(column).astype(kind)
        for (name, kind), column in zip(types.items(), columns, strict=True)
    }
    sections = [np.full(len(rows[0]), section, np.uint8) for section, *rows in parts]
    return arrays | {"section": np.concatenate(sections)}


_Rows = tuple[Integers, Integers, Integers, Integers, Integers]  # x, dt, h, y, h_next


def _corners(model: Model) -> _Rows:
    """Corner inputs and states, and what becomes of them in one step."""
    x, dt, h = _corner_inputs(model, np.random.default_rng(_SEED))
    result = run(model, x[None], dt[None], h)
    return x, dt, h, result.y[0], result.h_next[0]


def _corner_inputs(model: Model, rng: np.random.Generator) -> tuple[Integers, Integers, Integers]:
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
    return x, dt[:, 0], h


def _random(model: Model, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """x [N, T, inputs] and dt [N, T], uniformly random within their ranges; in some runs, inputs
    hold."""
    lo, hi = _bounds(model.inputs)
    amount = _amount(model)
    x = rng.integers(lo, hi + 1, (amount.runs, amount.length, len(lo)))
    dt_lo, dt_hi = _time_ends(model)
    dt = rng.integers(dt_lo, dt_hi + 1, x.shape[:2])
    for number, parts in enumerate(amount.held, amount.runs - len(amount.held)):
        steps = amount.length // parts
        x[number] = x[number, ::steps].repeat(steps, axis=0)
        if parts == 1:
            x[number] = np.where(2 * x[number] > lo + hi, hi, lo)
            dt[number] = dt_hi
    return x, dt


def _more(model: Model) -> tuple[Integers, Integers]:
    """The runs of `_MORE`, as `_random` has them."""
    rng, length = np.random.default_rng(_SEED + 1), _amount(model).length
    runs = _most_runs(model, _MORE, _MORE_PRODUCTS, length)
    lo, hi = _bounds(model.inputs)
    x = rng.integers(lo, hi + 1, (runs, length, len(lo)))
    dt_lo, dt_hi = _time_ends(model)
    dt = rng.integers(dt_lo, dt_hi + 1, x.shape[:2])
    held = np.arange(runs) % 10 < 6
    x[held] = x[held, :1]
    dt[held] = np.array([dt_lo, (dt_lo + dt_hi) // 2, dt_hi])[np.arange(held.sum()) % 3, None]
    return x, dt


def _held(
    model: Model, rng: np.random.Generator, runs: int, length: int
) -> tuple[Integers, Integers]:
    """Runs whose inputs and times never change, as `_random` has them."""
    lo, hi = _bounds(model.inputs)
    dt_lo, dt_hi = _time_ends(model)
    x = rng.integers(lo, hi + 1, (runs, 1, len(lo))).repeat(length, axis=1)
    times = np.array([dt_lo, (dt_lo + dt_hi) // 2, dt_hi])[np.arange(runs) % 3, None]
    return x, times.repeat(length, axis=1)


def _long(
    model: Model, rng: np.random.Generator, runs: int, length: int
) -> tuple[Integers, Integers]:
    """Runs of random inputs and times, as `_random` has them. In every other one inputs hold."""
    lo, hi = _bounds(model.inputs)
    dt_lo, dt_hi = _time_ends(model)
    x = rng.integers(lo, hi + 1, (runs, length, len(lo)))
    x[1::2] = x[1::2, ::_LONG_HOLDS].repeat(_LONG_HOLDS, axis=1)
    return x, rng.integers(dt_lo, dt_hi + 1, x.shape[:2])


def _affordable(model: Model, runs: int, length: int) -> int:
    """So many runs, or as many as take `_HELD_PRODUCTS` and `_HELD_ELEMENTS`."""
    most = _HELD_ELEMENTS // (max(elements(model), 1) * length)
    return _most_runs(model, min(runs, most), _HELD_PRODUCTS, length)


def _most_runs(model: Model, runs: int, products: int, length: int) -> int:
    """So many runs, or as many as take these products; none of images."""
    each = max(multiplications(model), 1) * length
    return 0 if model.products else min(runs, products // each)


def _time_ends(model: Model) -> tuple[int, int]:
    return (model.dt.lo, model.dt.hi) if model.dt else (0, 0)


def _ran(model: Model, x: Integers, dt: Integers) -> tuple[Integers, Integers, Trajectory]:
    """N runs of T steps that begin with a state of zeros: x [N, T, inputs], dt [N, T]."""
    x, dt = x.swapaxes(0, 1), dt.swapaxes(0, 1)
    return x, dt, run(model, x, dt)


def _rows(made: tuple[Integers, Integers, Trajectory], runs: int | None = None) -> _Rows:
    """The steps of the first runs, one run after the other."""
    x, dt, result = made
    x, dt, y, h, h_next = (
        a.swapaxes(0, 1)[:runs] for a in (x, dt, result.y, result.h, result.h_next)
    )
    x, y, h, h_next = (a.reshape(-1, a.shape[-1]) for a in (x, y, h, h_next))
    return x, dt.reshape(-1), h, y, h_next


def _levels(channels: tuple[Channel, ...]) -> list[Integers]:
    """All channels at their lower bound, upper bound, zero, and middle."""
    lo, hi = _bounds(channels)
    return [lo, hi, np.clip(np.zeros_like(lo), lo, hi), (lo + hi) >> 1]


def _bounds(channels: tuple[Channel, ...]) -> tuple[Integers, Integers]:
    return np.array([c.lo for c in channels]), np.array([c.hi for c in channels])
