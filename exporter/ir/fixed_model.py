"""The fixed-point model: what the microcontroller computes, as immutable data.

A model is one time step of a recurrent network in single-assignment form: each `Step`
applies an op to windows of earlier vectors and names its result. `walk` executes the steps
on any kind of value: integers, intervals, torch tensors, ONNX nodes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from elegans.exporter import ops
from elegans.exporter.ir.conversion import AffineFormat, affine_fields
from elegans.exporter.numbers.fixed import Integers, Value, halves, q_name, whole
from elegans.exporter.numbers.sparse_matrix import SparseMatrix

# Of the JSON document; raised by each change that older readers would misread. A model without
# integers of 32 bits is written as before.
SCHEMA, NARROW_SCHEMA = 3, 2
WIDE_BITS = 32


@dataclass(frozen=True)
class Channel(AffineFormat):
    """The format of one element of x, dt, h or y.

    unit    of the real value, which is offset + scale * integer / 2^frac
    lo, hi  the least and the greatest integer
    bits    the size of the integer: 16, or 32 for states that feed themselves and for an elapsed
            time whose digits count near zero

    saturates  whether nothing but these ends bounds a state

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
    saturates: bool = False


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


@dataclass(frozen=True)
class Piece:
    """States `start`.. of a model that one step makes, and where they are in its vector `h`.

    at    the place of the first in `h`, where a state of 32 bits has two halves: those of a piece
          are `size` upper ones, then `size` lower ones
    wide  whether they have 32 bits
    """

    start: int
    size: int
    at: int
    wide: bool


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


def formats(step: Step) -> tuple[str, ...]:
    """The formats of a step's result, each once: `Q0.15`, `Q0.31` of halves, or `relative`."""
    kind = ops.form(step.op)
    if kind == ops.RELATIVE:
        return (kind,)
    if kind == ops.WIDE:
        return tuple(q_name(f, WIDE_BITS) for f in sorted(set(step.frac[step.size // 2 :])))
    return tuple(q_name(f) for f in sorted(set(step.frac)))


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

    @property
    def state_bits(self) -> int:
        """The size of every state outside of the step: 32 if one of them has 32 bits, else 16."""
        return max((c.bits for c in self.states), default=16)

    @property
    def dt_bits(self) -> int:
        """The size of elapsed time: 32 or 16."""
        return self.dt.bits if self.dt else 16

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The states, as the step makes them: piece by piece."""
        found, start, at = [], 0, 0
        for window in self.h_next:
            wide = self.states[start].bits == WIDE_BITS
            size = window.size // 2 if wide else window.size
            found.append(Piece(start, size, at, wide))
            start, at = start + size, at + window.size
        return tuple(found)

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

    @property
    def products(self) -> int:
        """The products of all convolutions in one step; 0 without images."""
        return sum(getattr(step.op, "products", 0) for step in self.steps)

    def fracs(self) -> dict[str, tuple[int, ...]]:
        """The fractional bits of each element of every vector, by the vector's name."""
        given = {"x": self.inputs, "dt": (self.dt,) if self.dt else ()}
        known = {name: tuple(c.frac for c in channels) for name, channels in given.items()}
        h: list[int] = []
        for piece in self.pieces:
            own = [c.frac for c in self.states[piece.start : piece.start + piece.size]]
            h += [f - 16 for f in own] + own if piece.wide else own
        return known | {"h": tuple(h)} | {step.name: step.frac for step in self.steps}


def walk(
    model: Model,
    given: dict[str, Value],
    join: Callable[[list[Value]], Value],
    apply: Callable[[Step, list[Value]], Value],
    halve: Callable[[Value], tuple[Value, Value]] = halves,
) -> tuple[Value, Value, dict[str, Value]]:
    """Execute a model on values of any kind.

    given    the vectors `x`, `h` and, unless it is a constant, `dt`, each [..., size]
    join     concatenates vectors
    apply    executes one step on its arguments; the parts of a result may be a tuple
    halve    takes 32-bit states apart, as `fixed.halves` does
    returns  y, h_next, and all vectors by name; among these `h` has 32-bit states in halves
    """
    vectors = dict(given)
    vectors["h"] = _taken_apart(model, given["h"], join, halve)

    def read(argument: Argument) -> Value:
        parts = [vectors[w.vector][..., w.lo : w.hi] for w in argument]
        return parts[0] if len(parts) == 1 else join(parts)

    for step in model.steps:
        found = apply(step, [read(argument) for argument in step.inputs])
        vectors[step.name] = join(list(found)) if isinstance(found, tuple) else found
    return read(model.y), _put_together(model, read(model.h_next), join), vectors


def _taken_apart(
    model: Model,
    h: Value,
    join: Callable[[list[Value]], Value],
    halve: Callable[[Value], tuple[Value, Value]],
) -> Value:
    if model.state_bits < WIDE_BITS:
        return h
    parts: list[Value] = []
    for piece in model.pieces:
        part = h[..., piece.start : piece.start + piece.size]
        parts += halve(part) if piece.wide else [part]
    return join(parts)


def _put_together(model: Model, h: Value, join: Callable[[list[Value]], Value]) -> Value:
    if model.state_bits < WIDE_BITS:
        return h
    parts: list[Value] = []
    for piece in model.pieces:
        n, at = piece.size, piece.at
        part = h[..., at : at + n]
        parts.append(whole(part, h[..., at + n : at + 2 * n]) if piece.wide else part)
    return join(parts) if len(parts) > 1 else parts[0]


def to_json(model: Model) -> dict[str, Any]:
    """The whole model as plain data, for `from_json`; `Model.digest` is of this."""
    return {
        "schema": SCHEMA if WIDE_BITS in (model.state_bits, model.dt_bits) else NARROW_SCHEMA,
        "name": model.name,
        "inputs": [channel_json(c) for c in model.inputs],
        "dt": channel_json(model.dt) if model.dt else None,
        "states": [channel_json(c) for c in model.states],
        "outputs": [channel_json(c) for c in model.outputs],
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
    if data["schema"] not in (NARROW_SCHEMA, SCHEMA):
        raise ValueError(f"schema {data['schema']}, expected {NARROW_SCHEMA} or {SCHEMA}")
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
    return tuple(
        Channel(**{k: e[k] for k in names}, **affine_fields(e), saturates=bool(e.get("saturates")))
        for e in data
    )


def channel_json(channel: Channel) -> dict[str, Any]:
    """A channel as plain data: what is not the default of all channels only where it is there."""
    data = asdict(channel)
    del data["offset"], data["scale"], data["saturates"]
    return data | channel.affine_json() | ({"saturates": True} if channel.saturates else {})


def _argument_json(argument: Argument) -> list[list[Any]]:
    return [[w.vector, w.lo, w.hi] for w in argument]


def _argument(data: list[list[Any]]) -> Argument:
    return tuple(Window(vector, lo, hi) for vector, lo, hi in data)


def flat(values: Integers) -> list[int]:
    """All elements of an array as Python integers, row by row."""
    return [int(v) for v in values.ravel()]
