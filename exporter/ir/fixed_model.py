"""The fixed-point model: what the microcontroller computes, as immutable data.

A model is one time step of a recurrent network in single-assignment form: each `Step`
applies an op to windows of earlier vectors and names its result. `walk` executes the steps
on any kind of value: integers, intervals, torch tensors, ONNX nodes.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from elegans.exporter import ops
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.conversion import AffineFormat, affine_fields
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    Integers,
    Interval,
    RangeError,
    Value,
    join_intervals,
)
from elegans.exporter.numbers.sparse_matrix import SparseMatrix

SCHEMA = 2  # of the JSON document; raised by each change that older readers would misread


@dataclass(frozen=True)
class Channel(AffineFormat):
    """The format of one element of x, dt, h or y.

    unit    of the real value, which is offset + scale * integer / 2^frac
    lo, hi  the least and the greatest integer
    bits    the size of the integer

    Only inputs have an offset or a scale other than 0 and 1.
    """

    name: str
    unit: str
    frac: int
    lo: int
    hi: int
    bits: int = 16
    offset: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class Window:
    """Elements `lo`..`hi` (exclusive) of a named vector."""

    vector: str
    lo: int
    hi: int

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.hi - self.lo


Argument = tuple[Window, ...]  # an input of an op: the concatenation of these windows


@dataclass(frozen=True)
class Step:
    """`name = op(*inputs)`.

    name   of the resulting vector, unique in the model
    group  the layer that the step belongs to, by which the generated C is arranged
    size   the number of elements of the result
    frac   [size] the fractional bits of each element
    """

    name: str
    group: str
    op: ops.Op
    inputs: tuple[Argument, ...]
    size: int
    frac: tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """One time step of a network: `x, dt, h -> y, h_next`.

    name       the prefix of the generated C
    inputs     the channels of x
    dt         the channel of elapsed time; None if the sample period is a constant
    states     the channels of h
    outputs    the channels of y
    steps      in an order in which each reads earlier vectors only
    y, h_next  the windows that make up the results

    `x`, `dt` and `h` are the names of the given vectors.
    """

    name: str
    inputs: tuple[Channel, ...]
    dt: Channel | None
    states: tuple[Channel, ...]
    outputs: tuple[Channel, ...]
    steps: tuple[Step, ...]
    y: Argument
    h_next: Argument

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the model's JSON: it identifies the model on every machine."""
        text = json.dumps(to_json(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def weight_count(self) -> int:
        """The number of nonzero weights. Equal maps, as LTC's unfolds have, count once."""
        found = [getattr(s.op, name, None) for s in self.steps for name in ("weights", "rates")]
        maps = [SparseMatrix.of(m) for m in found if m is not None]
        keys = {(m.rows.tobytes(), m.columns.tobytes(), m.values.tobytes()): m for m in maps}
        return sum(len(m.values) for m in keys.values())

    def fracs(self) -> dict[str, tuple[int, ...]]:
        """The fractional bits of each element of every vector, by the vector's name."""
        given = {"x": self.inputs, "h": self.states, "dt": (self.dt,) if self.dt else ()}
        known = {name: tuple(c.frac for c in channels) for name, channels in given.items()}
        return known | {step.name: step.frac for step in self.steps}


def walk(
    model: Model,
    given: dict[str, Value],
    join: Callable[[list[Value]], Value],
    apply: Callable[[Step, list[Value]], Value],
) -> tuple[Value, Value, dict[str, Value]]:
    """Execute a model on values of any kind.

    given    the vectors `x`, `h` and, unless it is a constant, `dt`, each [..., size]
    join     concatenates vectors
    apply    executes one step on its arguments
    returns  y, h_next, and all vectors by name
    """
    vectors = dict(given)

    def read(argument: Argument) -> Value:
        parts = [vectors[w.vector][..., w.lo : w.hi] for w in argument]
        return parts[0] if len(parts) == 1 else join(parts)

    for step in model.steps:
        vectors[step.name] = apply(step, [read(argument) for argument in step.inputs])
    return read(model.y), read(model.h_next), vectors


def prove(model: Model) -> dict[str, Interval]:
    """Bounds of every vector, for all inputs and any number of steps.

    The inputs may be any int16. The states are assumed within their channels' bounds, and
    h_next is shown to be within them again, so by induction the states never leave them. On
    the way every intermediate value is shown to fit int32. Raises `ElegansError`, naming the
    step or the state, if either fails.
    """
    given = {
        "x": _any_int16(len(model.inputs)),
        "dt": _any_int16(1),
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
    found = [f for w in model.h_next for f in fracs[w.vector][w.lo : w.hi]]
    if found != [c.frac for c in model.states]:
        raise ElegansError("h_next", "its format is not that of h", "export the model again")
    for what, argument, channels in (
        ("h", model.h_next, model.states),
        ("y", model.y, model.outputs),
    ):
        parts = [bounds[w.vector][w.lo : w.hi] for w in argument]
        _check_bounds(what, join_intervals(parts), channels)


def step_range(index: int, step: Step, args: Sequence[Interval]) -> Interval:
    """The bounds of a step's result, for bounds of its arguments.

    Raises `ElegansError` with the step's number and name if an intermediate value could leave
    int32.
    """
    try:
        return step.op.range(*args)
    except RangeError as error:
        raise ElegansError(
            f"step {index} ({step.name}, {step.op.kernel})",
            str(error),
            "declare a narrower input range, or train with smaller weights",
        ) from None


def _check_bounds(what: str, found: Interval, channels: Sequence[Channel]) -> None:
    for i, channel in enumerate(channels):
        lo, hi = int(found.lo[i]), int(found.hi[i])
        if lo < channel.lo or hi > channel.hi:
            reach, end = (hi, channel.hi) if hi > channel.hi else (lo, channel.lo)
            raise ElegansError(
                f"{what}[{i}] ({channel.name})",
                f"the next value can reach {reach / 2**channel.frac:g}, but its format is only "
                f"proved up to {end / 2**channel.frac:g}",
                "use a cell whose state is bounded (docs/cells.md), or smaller weights",
            )


def _bounds(channels: Sequence[Channel]) -> Interval:
    return Interval.of([c.lo for c in channels], [c.hi for c in channels])


def _any_int16(size: int) -> Interval:
    return Interval.of(np.full(size, INT16_MIN), np.full(size, INT16_MAX))


def to_json(model: Model) -> dict[str, Any]:
    """The whole model as plain data, for `from_json`; `Model.digest` is of this."""
    return {
        "schema": SCHEMA,
        "name": model.name,
        "inputs": [_channel_json(c) for c in model.inputs],
        "dt": _channel_json(model.dt) if model.dt else None,
        "states": [_channel_json(c) for c in model.states],
        "outputs": [_channel_json(c) for c in model.outputs],
        "steps": [
            {
                "name": s.name,
                "group": s.group,
                "op": ops.to_json(s.op),
                "inputs": [_argument_json(a) for a in s.inputs],
                "size": s.size,
                "frac": list(s.frac),
            }
            for s in model.steps
        ],
        "y": _argument_json(model.y),
        "h_next": _argument_json(model.h_next),
    }


def from_json(data: dict[str, Any]) -> Model:
    """The model that `to_json` wrote. Raises KeyError, TypeError or ValueError for other data."""
    if data["schema"] != SCHEMA:
        raise ValueError(f"schema {data['schema']}, expected {SCHEMA}")
    return Model(
        name=data["name"],
        inputs=_channels(data["inputs"]),
        dt=_channels([data["dt"]])[0] if data["dt"] else None,
        states=_channels(data["states"]),
        outputs=_channels(data["outputs"]),
        steps=tuple(
            Step(
                name=s["name"],
                group=s["group"],
                op=ops.from_json(s["op"]),
                inputs=tuple(_argument(a) for a in s["inputs"]),
                size=s["size"],
                frac=tuple(s["frac"]),
            )
            for s in data["steps"]
        ),
        y=_argument(data["y"]),
        h_next=_argument(data["h_next"]),
    )


def _channels(data: list[dict[str, Any]]) -> tuple[Channel, ...]:
    names = ("name", "unit", "frac", "lo", "hi", "bits")
    return tuple(Channel(**{k: e[k] for k in names}, **affine_fields(e)) for e in data)


def _channel_json(channel: Channel) -> dict[str, Any]:
    data = asdict(channel)
    del data["offset"], data["scale"]
    return data | channel.affine_json()


def _argument_json(argument: Argument) -> list[list[Any]]:
    return [[w.vector, w.lo, w.hi] for w in argument]


def _argument(data: list[list[Any]]) -> Argument:
    return tuple(Window(vector, lo, hi) for vector, lo, hi in data)


def flat(values: Integers) -> list[int]:
    """All elements of an array as Python integers, row by row."""
    return [int(v) for v in values.ravel()]
