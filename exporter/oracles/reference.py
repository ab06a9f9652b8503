"""The reference: a model executed on NumPy integers. Every other execution must equal it.

NumPy spends microseconds on an array however short it is, so it computes many steps at a time much
faster than one after the other. A step is a function of its inputs and the states before it. Where
a series is long, compiled C (`native`) therefore finds the states, one step after the other, and
NumPy repeats every step from the states that the C has found before it, hundreds at a time. If all
are equal, then by induction the whole series is what NumPy alone would have found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elegans.exporter.data.user_data import UserData
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.fixed_model import Model, Step, walk
from elegans.exporter.native.compiled_run import Run, compiled_run
from elegans.exporter.numbers.fixed import Integers, Value
from elegans.exporter.oracles.in_parts import run_in_parts, worthwhile

_TOLD_STEPS = 500  # after which progress is told
_LONG = 4_000  # steps of a series, from which on it is worth compiling the model
_FEW = 64  # series: more of them side by side are many steps at a time anyway
_PIECE = 12_288  # steps that the C takes at a time
# Steps that NumPy repeats at a time, at most: their vectors fit a processor's cache.
_REPEATED = 768
# OpenBLAS computes a product of so many multiplications in one thread. For one that is not much
# larger, other threads cost more than they save, ten times as much where the machine is busy.
_ONE_THREAD = 1 << 18
_BEGIN = 2_000  # elements that NumPy computes in the time in which an op begins, about
_MOST_ELEMENTS = 1 << 21  # of all vectors of the runs that are computed together: 16 MiB


def _join(parts: list[Value]) -> Integers:
    return np.concatenate(parts, axis=-1)


def _apply(step: Step, args: list[Value]) -> Value:
    return step.op.integer(*args)


def step(model: Model, x: Integers, dt: Integers, h: Integers) -> tuple[Integers, Integers]:
    """One step of a batch of independent runs.

    x        [..., inputs]
    dt       [..., 1], ignored if the sample period is a constant of the model
    h        [..., states]
    returns  y [..., outputs] and h_next [..., states]

    All are the device's integers, in arrays of int64.
    """
    given = {"x": _int64(x), "dt": _int64(dt), "h": _int64(h)}
    most = max(_MOST_ELEMENTS // max(elements(model), 1), 1)
    if x.ndim == 2 and len(x) > most:
        parts = [
            walk(model, {name: v[n : n + most] for name, v in given.items()}, _join, _apply)[:2]
            for n in range(0, len(x), most)
        ]
        y, h_next = (np.concatenate(column) for column in zip(*parts, strict=True))
        return y, h_next
    y, h_next, _ = walk(model, given, _join, _apply)
    return y, h_next


@dataclass(frozen=True)
class Trajectory:
    """The outputs and the states of T steps, each of which begins in the state before it.

    y       [T, ..., outputs]
    h       [T, ..., states] before each step
    h_next  [T, ..., states] after each step
    """

    y: Integers
    h: Integers
    h_next: Integers


def run(model: Model, x: Integers, dt: Integers, h0: Integers | None = None) -> Trajectory:
    """T steps, one after the other, of a batch of independent runs.

    x   [T, ..., inputs]
    dt  [T, ...]
    h0  [..., states] before the first step; zeros if None
    """
    steps, batch = x.shape[0], x.shape[1:-1]
    if x.ndim == 3 and (parts := _parts(model, steps, batch[0])) > 1:
        start = np.zeros((*batch, len(model.states)), np.int64) if h0 is None else _int64(h0)
        start = np.broadcast_to(start, (*batch, len(model.states)))
        y, h = run_in_parts(
            lambda now, elapsed, h: step(model, now, elapsed[:, None], h), x, dt, start, parts
        )
        return Trajectory(y, h[:-1], h[1:])
    y = np.zeros((steps, *batch, len(model.outputs)), np.int64)
    states = np.zeros((steps + 1, *batch, len(model.states)), np.int64)
    if h0 is not None:
        states[0] = _int64(h0)
    for t in range(steps):
        y[t], states[t + 1] = step(model, x[t], dt[t][..., None], states[t])
    return Trajectory(y, states[:-1], states[1:])


def _parts(model: Model, steps: int, runs: int) -> int:
    """The parts of a series that take the least time side by side, about; 1 where none do."""
    return worthwhile(steps, _BEGIN * len(model.steps) // max(elements(model) * runs, 1))


def run_series(
    model: Model,
    data: UserData,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[Integers, Integers]:
    """Series of different lengths, side by side: y [N, T, outputs] and the states after each step,
    h [N, T, states]; zeros after the end of a series.

    `progress` is called with the number of steps that are done, of all series together. Raises
    `ElegansError` if compiled C and NumPy differ.
    """
    if is_long(data) and (compiled := compiled_run(model).run):
        return _in_pieces(model, data, compiled, progress)
    runs, steps = data.dt.shape
    y = np.zeros((runs, steps, len(model.outputs)), np.int64)
    h = np.zeros((runs, steps, len(model.states)), np.int64)
    state, start = data.h0, 0
    stops = {*(int(n) for n in data.lengths), *range(_TOLD_STEPS, steps, _TOLD_STEPS)}
    for stop in sorted(stops):
        going = np.flatnonzero(data.lengths >= stop)
        part = np.s_[going, start:stop]
        found = run(model, data.x[part].swapaxes(0, 1), data.dt[part].T, state[going])
        y[part], h[part] = found.y.swapaxes(0, 1), found.h_next.swapaxes(0, 1)
        state, start = h[:, stop - 1], stop
        progress(int(np.minimum(data.lengths, stop).sum()))
    return y, h


def is_long(data: UserData) -> bool:
    """Whether `run_series` lets compiled C find the states of these series."""
    return len(data.lengths) <= _FEW and bool(data.lengths.max(initial=0) >= _LONG)


def _in_pieces(
    model: Model, data: UserData, compiled: Run, progress: Callable[[int], None]
) -> tuple[Integers, Integers]:
    y = np.zeros((*data.dt.shape, len(model.outputs)), np.int64)
    h = np.zeros((*data.dt.shape, len(model.states)), np.int64)
    done = 0
    for i, length in enumerate(data.lengths):
        state = data.h0[i]
        for start in range(0, length, _PIECE):
            part = np.s_[i, start : min(start + _PIECE, length)]
            y[part], h[part] = compiled(data.x[part], data.dt[part], state)
            before = np.vstack([state[None], h[part][:-1]])
            found = _repeated(model, data.x[part], data.dt[part], before)
            differ = np.any(found[0] != y[part], 1) | np.any(found[1] != h[part], 1)
            if differ.any():
                step = start + int(differ.argmax())
                fact = f"compiled C differs from NumPy in step {step} of {data.names[i]}"
                raise ElegansError("reference", fact, "this is a defect: report it")
            state, done = h[part][-1], done + len(before)
            progress(done)
    return y, h


def _repeated(model: Model, x: Integers, dt: Integers, h: Integers) -> tuple[Integers, Integers]:
    """Steps that begin in the states `h [T, H]`: y and h_next."""
    maps = [w for s in model.steps if isinstance(w := getattr(s.op, "weights", None), np.ndarray)]
    largest = max((w.size for w in maps), default=1)
    size = min(max(_ONE_THREAD // largest, _REPEATED // 4), _REPEATED)
    parts = [np.s_[start : start + size] for start in range(0, len(x), size)]
    found = [step(model, x[part], dt[part, None], h[part]) for part in parts]
    return np.concatenate([y for y, _ in found]), np.concatenate([h for _, h in found])


def elements(model: Model) -> int:
    """The numbers that one step computes."""
    return sum(step.size for step in model.steps)


def multiplications(model: Model) -> int:
    """The weights that one step multiplies by; equal maps, as LTC's unfolds have, all count."""
    maps = (getattr(s.op, name, None) for s in model.steps for name in ("weights", "rates"))
    return int(sum(np.count_nonzero(getattr(m, "values", m)) for m in maps if m is not None))


def work(model: Model) -> int:
    """The numbers that one step computes, and the weights that it multiplies by."""
    return elements(model) + multiplications(model)


def _int64(values: Integers) -> Integers:
    return np.asarray(values, dtype=np.int64)
