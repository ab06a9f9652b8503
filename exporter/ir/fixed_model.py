"""The fixed-point model: what the microcontroller computes, as frozen data.

A model is one step of a recurrent network in single assignment: each `Step` applies an op
to windows of earlier vectors and names its result. A walk over the steps is how the model
is executed, whatever the values are: integers, intervals, gradients, ONNX nodes.
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
from elegans.exporter.numbers.fixed import Integers, Interval, RangeError, Value, join_intervals
from elegans.exporter.numbers.sparse_matrix import SparseMatrix

SCHEMA = 2


@dataclass(frozen=True)
class Channel:
    """One integer that crosses the model's border: an input, a state, an output.

    value = integer / 2^frac, `lo` <= integer <= `hi`, in `unit`.
    """

    name: str
    unit: str
    frac: int
    lo: int
    hi: int
    bits: int = 16

    @property
    def range(self) -> tuple[float, float]:
        """The real values that the channel can hold."""
        return self.lo / 2.0**self.frac, self.hi / 2.0**self.frac


@dataclass(frozen=True)
class Window:
    """Elements `lo`..`hi` (exclusive) of a named vector."""

    vector: str
    lo: int
    hi: int

    @property
    def size(self) -> int:
        return self.hi - self.lo


Argument = tuple[Window, ...]  # windows end to end: one vector


@dataclass(frozen=True)
class Step:
    """`name = op(*inputs)`: a vector of `size` integers with `frac` fractional bits each.

    `group` is the layer that the step belongs to; it orders the generated C.
    """

    name: str
    group: str
    op: ops.Op
    inputs: tuple[Argument, ...]
    size: int
    frac: tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """One step of the network: `x, dt, h -> y, h_next`.

    The vectors `x`, `dt` and `h` are given, every other one is some step's result. `dt` is
    None when the sample period was fixed at export.
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
        """SHA-256 of the model: the same on every machine and on every run."""
        text = json.dumps(to_json(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def weights(self) -> int:
        """Weights that are not zero; a map that is applied again, as in an unfold, counts once."""
        found = [getattr(s.op, name, None) for s in self.steps for name in ("weights", "rates")]
        maps = [SparseMatrix.of(m) for m in found if m is not None]
        keys = {(m.rows.tobytes(), m.columns.tobytes(), m.values.tobytes()): m for m in maps}
        return sum(len(m.values) for m in keys.values())

    def fracs(self) -> dict[str, tuple[int, ...]]:
        """The fractional bits of every vector, element by element."""
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

    given  the vectors `x`, `h` and, unless it is fixed, `dt`, `[..., size]`
    join   lays vectors end to end
    apply  executes one step

    Returns y, h_next and every vector by name.
    """
    vectors = dict(given)

    def read(argument: Argument) -> Value:
        parts = [vectors[w.vector][..., w.lo : w.hi] for w in argument]
        return parts[0] if len(parts) == 1 else join(parts)

    for step in model.steps:
        vectors[step.name] = apply(step, [read(argument) for argument in step.inputs])
    return read(model.y), read(model.h_next), vectors


def prove(model: Model) -> dict[str, Interval]:
    """Bounds of every vector, for any inputs whatever and for ever.

    Raw inputs may be any int16; the states are assumed in their channels' bounds, and the
    step is shown to lead back into them, so by induction no run ever leaves them. Every
    intermediate value is shown to fit int32 on the way. Raises `ElegansError` with the
    step's name if either fails.
    """
    given = {
        "x": _any_int16(len(model.inputs)),
        "dt": _any_int16(1),
        "h": _bounds(model.states),
    }

    numbers = itertools.count()

    def apply(step: Step, args: list[Value]) -> Value:
        return step_range(next(numbers), step, args)

    fracs = model.fracs()
    if [f for w in model.h_next for f in fracs[w.vector][w.lo : w.hi]] != [
        c.frac for c in model.states
    ]:
        raise ElegansError("h", "its next value has another format", "export the model again")
    y, h_next, vectors = walk(model, given, join_intervals, apply)
    for what, found, channels in (("h", h_next, model.states), ("y", y, model.outputs)):
        _hold(what, found, channels)
    return vectors


def step_range(number: int, step: Step, args: Sequence[Interval]) -> Interval:
    """One step over intervals, with the place named if it cannot be proved."""
    try:
        return step.op.range(*args)
    except RangeError as error:
        raise ElegansError(
            f"step {number} ({step.name}, {step.op.kernel})",
            str(error),
            "declare a narrower input range, or train with smaller weights",
        ) from None


def _hold(what: str, found: Interval, channels: Sequence[Channel]) -> None:
    for i, channel in enumerate(channels):
        lo, hi = int(found.lo[i]), int(found.hi[i])
        if lo < channel.lo or hi > channel.hi:
            reach, end = (hi, channel.hi) if hi > channel.hi else (lo, channel.lo)
            raise ElegansError(
                f"{what}[{i}] ({channel.name})",
                f"the next value reaches {reach / 2**channel.frac:g}, its format is proved to "
                f"{end / 2**channel.frac:g}",
                "this network's state is not bounded by the theorem the format relies on",
            )


def _bounds(channels: Sequence[Channel]) -> Interval:
    return Interval.of([c.lo for c in channels], [c.hi for c in channels])


def _any_int16(size: int) -> Interval:
    return Interval.of(np.full(size, -(1 << 15)), np.full(size, (1 << 15) - 1))


def to_json(model: Model) -> dict[str, Any]:
    """The whole model as plain data; `from_json` reads it back."""
    return {
        "schema": SCHEMA,
        "name": model.name,
        "inputs": [asdict(c) for c in model.inputs],
        "dt": asdict(model.dt) if model.dt else None,
        "states": [asdict(c) for c in model.states],
        "outputs": [asdict(c) for c in model.outputs],
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
    """The model that `to_json` wrote. Raises KeyError, TypeError or ValueError on any other."""
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
    return tuple(Channel(**{key: entry[key] for key in names}) for entry in data)


def _argument_json(argument: Argument) -> list[list[Any]]:
    return [[w.vector, w.lo, w.hi] for w in argument]


def _argument(data: list[list[Any]]) -> Argument:
    return tuple(Window(vector, lo, hi) for vector, lo, hi in data)


def flat(values: Integers) -> list[int]:
    """An array as Python integers, row by row."""
    return [int(v) for v in values.ravel()]
