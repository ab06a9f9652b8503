"""Steps that one kernel can execute together, without a bit's difference.

What a layer of CfC neurons is made of (three or four maps of the same input, two tanh, a
sigmoid, a mix) becomes one step, and so does a map with its tanh. Each core has a kernel for
them that keeps a neuron in registers (`layers.S`); the model itself, its reference and its
digest know nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from elegans.exporter.fixed import INT16_MAX, INT16_MIN, INT32_MAX, Integers, Interval, join_intervals
from elegans.exporter.model import Argument, Model, Step, Window, prove
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.mix import Mix
from elegans.exporter.ops.sigmoid import Sigmoid
from elegans.exporter.ops.tanh import Tanh
from elegans.exporter.ops.timed_linear import RATE_SHIFT, TimedLinear

_HALF_SEGMENT = 512
_DT: Argument = (Window("dt_in", 0, 1),)
BLOCK = 4  # rows of a map with tanh that are computed together


@dataclass(frozen=True, eq=False)
class Map:
    """One row a neuron: weights [n, cols] of the windows, bias [n] with rounding, a shift.

    `saturates` tells whether a shifted sum can leave int16.
    """

    windows: Argument
    weights: Integers
    bias: Integers
    shift: int
    saturates: bool


@dataclass(frozen=True, eq=False)
class Layer:
    """The op of a fused step. `maps` are f, g, t and, with elapsed time, t's rate; or one."""

    kernel: ClassVar[str]
    maps: tuple[Map, ...]
    in_place: ClassVar[bool] = False


class CfcLayer(Layer):
    kernel = "cfc"


class CfcFixedLayer(CfcLayer):
    kernel = "cfc_fixed"


class TanhLayer(Layer):
    kernel = "tanh_layer"


def fuse(model: Model) -> Model:
    """The model with its layers as single steps, as far as there are any."""
    bounds = prove(model)
    steps = list(model.steps)
    for count, recognise in ((7, _cfc), (2, _tanh)):
        at = count
        while at <= len(steps):
            run = steps[at - count : at]
            fused = recognise(run, bounds)
            if fused is not None and not _read_outside(model, run):
                steps[at - count : at] = [fused]
                at = max(at - count, count - 1)
            at += 1
    return replace(model, steps=tuple(steps))


def _read_outside(model: Model, run: list[Step]) -> bool:
    """Whether anything but this run reads what is made within it."""
    inner, own = {s.name for s in run[:-1]}, {s.name for s in run}
    read = [w for s in model.steps if s.name not in own for a in s.inputs for w in a]
    return any(w.vector in inner for w in (*read, *model.y, *model.h_next))


def _cfc(run: list[Step], bounds: dict[str, Interval]) -> Step | None:
    """These seven steps as a layer, if they are f, g, t and their mix."""
    if not isinstance(run[-1].op, Mix):
        return None
    made = {s.name: s for s in run}
    maps: list[Map] = []
    used = {run[-1].name}
    for argument, kind in zip(run[-1].inputs, (Tanh, Tanh, Sigmoid), strict=True):
        part = made.get(_whole(argument))
        drive = made.get(_whole(part.inputs[0])) if part else None
        if part is None or drive is None or not isinstance(part.op, kind):
            return None
        if isinstance(drive.op, TimedLinear) and kind is not Sigmoid:
            return None
        found = _maps(drive, bounds)
        if found is None:
            return None
        maps += found
        used |= {part.name, drive.name}
    if used != set(made) or not _worth_it(maps):
        return None
    timed = len(maps) == BLOCK
    layer = CfcLayer if timed else CfcFixedLayer
    return _step(run[-1], layer(tuple(maps)), timed)


def _tanh(run: list[Step], bounds: dict[str, Interval]) -> Step | None:
    """These two steps as a layer, if they are a map and its tanh."""
    drive, step = run
    if not isinstance(step.op, Tanh) or _whole(step.inputs[0]) != drive.name:
        return None
    maps = None if isinstance(drive.op, TimedLinear) else _maps(drive, bounds)
    return _step(step, TanhLayer(tuple(maps)), False) if maps and _worth_it(maps) else None


def _step(last: Step, op: Layer, timed: bool) -> Step:
    read = tuple(dict.fromkeys(w for m in op.maps for w in m.windows))
    inputs = (read, _DT) if timed else (read,)
    return replace(last, group="layers", op=op, inputs=inputs)  # type: ignore[arg-type]


def _whole(argument: Argument) -> str:
    return argument[0].vector if len(argument) == 1 and argument[0].lo == 0 else ""


def _worth_it(maps: list[Map]) -> bool:
    """Whether at least half of the weights are synapses: the kernels go through them all."""
    return sum(np.count_nonzero(m.weights) for m in maps) * 2 >= sum(m.weights.size for m in maps)


def _maps(step: Step, bounds: dict[str, Interval]) -> list[Map] | None:
    """A step's maps; None if its rows do not share a shift, or leave no room in int32."""
    op: Any = step.op
    windows = step.inputs[0]
    if isinstance(op, TimedLinear):
        return _timed(op, windows, bounds) if step.inputs[1] == _DT else None
    shifts = set(op.shift.tolist()) if isinstance(op, Linear) else set()
    if len(shifts) != 1 or op.weight_bits != 16:
        return None
    (shift,) = shifts
    x = _interval(windows, bounds)
    bias = op.bias + _offset(shift)
    reach = np.abs(op.weights) @ x.reach() + np.abs(op.bias) + _offset(shift)
    if not 1 <= shift <= 31 or reach.max() > INT32_MAX:
        return None
    sums = x @ Interval.of(op.weights.T, op.weights.T) + Interval.of(bias, bias)
    return [Map(windows, op.weights, bias, shift, _saturates(sums, shift))]


def _timed(op: TimedLinear, windows: Argument, bounds: dict[str, Interval]) -> list[Map] | None:
    x, dt = _interval(windows, bounds), bounds["dt_in"]
    reach = op.reach(x.reach(), int(dt.reach()[0]))
    if op.shift < 1 or reach.max() + (_HALF_SEGMENT << op.shift) > INT32_MAX:
        return None
    bias, rate_bias = op.bias + _offset(op.shift), op.rate_bias + (1 << (RATE_SHIFT - 1))
    still = x @ Interval.of(op.weights.T, op.weights.T) + Interval.of(bias, bias)
    rates = x @ Interval.of(op.rates.T, op.rates.T) + Interval.of(rate_bias, rate_bias)
    saturates = _saturates(still + (rates >> RATE_SHIFT) * dt, op.shift)
    return [
        Map(windows, op.weights, bias, op.shift, saturates),
        Map(windows, op.rates, rate_bias, RATE_SHIFT, False),
    ]


def _saturates(sums: Interval, shift: int) -> bool:
    shifted = sums >> shift
    return bool(shifted.lo.min() < INT16_MIN or shifted.hi.max() > INT16_MAX)


def _interval(windows: Argument, bounds: dict[str, Interval]) -> Interval:
    return join_intervals([bounds[w.vector][w.lo : w.hi] for w in windows])


def _offset(shift: int) -> int:
    """What rounds, and half a segment of tanh's table, which the kernels look up with."""
    return (_HALF_SEGMENT << shift) + ((1 << shift) >> 1)
