"""ONNX's LSTM, GRU and RNN: one step of such a node in ordinary operators.

The equations are those of ONNX's operators. W [1, G H, I], R [1, G H, H] and B [1, 2 G H] hold
their G gates in the order of `_GATES`; B has the biases of W first, then those of R.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elegans.exporter.frontend.recurrent.call import Call, Recurrence
from elegans.exporter.frontend.recurrent.kinds.activations import activations
from elegans.exporter.frontend.recurrent.series.step_nodes import StepNodes
from elegans.exporter.frontend.recurrent.series.values import Array, Shape, Value, When, known_zero
from elegans.exporter.frontend.recurrent.walk import Walk

_GATES = {"LSTM": "iofc", "GRU": "zrh", "RNN": "i"}
_ACTIVATIONS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
_STATES = {"LSTM": ("h", "c"), "GRU": ("h",), "RNN": ("h",)}


@dataclass(frozen=True, eq=False)
class _Cell:
    """The weights of a node, by gate, and what adds nodes to the step."""

    nodes: StepNodes
    w: dict[str, Array]
    r: dict[str, Array]
    w_bias: dict[str, Array]
    r_bias: dict[str, Array]
    peephole: dict[str, Array]
    activations: list[Callable[[str], str]]
    clip: float
    linear_before_reset: bool
    input_forget: bool

    def map(self, x: str, weights: Array, bias: Array) -> str:
        """x [1, I] times weights [H, I], and the bias."""
        held = self.nodes.constant(weights, "weights"), self.nodes.constant(bias, "bias")
        return self.nodes.add("Gemm", x, *held, transB=1)

    def drive(self, gate: str, x: str, h: str) -> str:
        """R h + W x + both biases, in the order in which torch's cells add them."""
        from_h = self.map(h, self.r[gate], self.r_bias[gate])
        return self.plus(from_h, self.map(x, self.w[gate], self.w_bias[gate]))

    def plus(self, *summands: str) -> str:
        """The sum of two or more vectors."""
        total = summands[0]
        for other in summands[1:]:
            total = self.nodes.add("Add", total, other)
        return total

    def seen(self, gate: str, z: str, c: str) -> str:
        """The argument of a gate, and what it sees of the cell through its peephole."""
        if not np.any(self.peephole[gate]):
            return z
        seen = self.nodes.add("Mul", c, self.nodes.constant(self.peephole[gate], "peephole"))
        return self.plus(z, seen)

    def curve(self, number: int, z: str) -> str:
        """One of the node's activations, of a clipped argument."""
        if self.clip:
            ends = (self.nodes.constant(np.array(end)) for end in (-self.clip, self.clip))
            z = self.nodes.add("Clip", z, *ends)
        return self.activations[number](z)

    def rest(self, gate: str) -> str:
        """1 - gate."""
        return self.nodes.add("Sub", self.nodes.constant(np.array([1.0])), gate)

    def times(self, a: str, b: str) -> str:
        """The product of two vectors."""
        return self.nodes.add("Mul", a, b)


def _lstm(cell: _Cell, x: str, h: str, c: str) -> tuple[str, ...]:
    i = cell.curve(0, cell.seen("i", cell.drive("i", x, h), c))
    f = cell.rest(i)
    if not cell.input_forget:
        f = cell.curve(0, cell.seen("f", cell.drive("f", x, h), c))
    candidate = cell.curve(1, cell.drive("c", x, h))
    o = cell.drive("o", x, h)
    sees_next = bool(np.any(cell.peephole["o"]))
    o = o if sees_next else cell.curve(0, o)
    c_next = cell.plus(cell.times(f, c), cell.times(i, candidate))
    if sees_next:
        o = cell.curve(0, cell.seen("o", o, c_next))
    return cell.times(o, cell.activations[2](c_next)), c_next


def _gru(cell: _Cell, x: str, h: str) -> tuple[str, ...]:
    r, z = (cell.curve(0, cell.drive(gate, x, h)) for gate in "rz")
    if cell.linear_before_reset:
        inner = cell.times(r, cell.map(h, cell.r["h"], cell.r_bias["h"]))
        drive = cell.plus(cell.map(x, cell.w["h"], cell.w_bias["h"]), inner)
    else:
        drive = cell.drive("h", x, cell.times(r, h))
    candidate = cell.curve(1, drive)
    return (cell.plus(cell.times(cell.rest(z), candidate), cell.times(z, h)),)


def _rnn(cell: _Cell, x: str, h: str) -> tuple[str, ...]:
    return (cell.curve(0, cell.drive("i", x, h)),)


_STEPS: dict[str, Callable[..., tuple[str, ...]]] = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}


def recurrent_node(walk: Walk, call: Call) -> list[Value]:
    """The outputs Y, Y_h and, of an LSTM, Y_c of a node, computed for one step.

    Raises `ElegansError` for a node that no step computes: of two directions or the wrong one,
    with a batch, or with weights that are no constants.
    """
    kind, nodes, x = call.node.op_type, walk.nodes, call.present[0]
    time, batch = (1, 0) if call.given.get("layout") else (0, 1)
    _check_time(walk, call, x, time)
    walk.count(kind)
    if x.shape[batch] != 1:
        raise call.error(f"has a batch of {x.shape[batch]}", "export a batch of 1")
    _check_direction(call, x.shape[time])
    cell = _cell(call, nodes)
    hidden = next(iter(cell.r.values())).shape[0]
    before = [_start(walk, call, x, number, hidden) for number in range(len(_STATES[kind]))]
    states, y = [name for name, _ in before], list[str]()
    for copy in range(max(len(x.names), 1)):
        sample = nodes.shaped(nodes.name_of(x, copy), (1, x.shape[2]))
        flat = _STEPS[kind](cell, sample, *(nodes.shaped(name, (1, hidden)) for name in states))
        states = [nodes.shaped(name, (1, 1, hidden)) for name in flat]
        y.append(nodes.shaped(flat[0], (1, 1, 1, hidden)))
    for rank, ((name, start), after) in enumerate(zip(before, states, strict=True)):
        if start is not None:
            shape = (1, 1, hidden)
            walk.recurrences.append(Recurrence(call.place, name, shape, start or None, after, rank))
    series = x.when is When.SERIES
    length = x.shape[time]
    whole: Shape = (1, length, 1, hidden) if time else (length, 1, 1, hidden)
    last = When.LAST if series and walk.copies == 1 else When.NOW if series else x.when
    finals = [Value((1, 1, hidden), x.kind, (name,), last) for name in states]
    return [Value(whole, x.kind, tuple(y), x.when, time if series else None), *finals]


def _check_time(walk: Walk, call: Call, x: Value, time: int) -> None:
    if len(x.shape) != 3:
        raise ValueError(f"its input has the shape {list(x.shape)}")
    walk.rounds.append(x.shape[time])
    if x.when is When.SERIES and x.axis != time:
        raise call.error(f"runs over another axis than that of time, which has {x.shape[time]}")
    if x.when is not When.SERIES and x.shape[time] != 1:
        if x.when is When.STEADY:
            fact = f"runs over {x.shape[time]} steps that are no steps of an input"
            raise call.error(f"{fact}, as a decoder does")
        raise call.error(
            f"runs over {x.shape[time]} steps of what is known only after the last one, as a "
            "decoder does, or a layer behind a convolution or a Flatten of fixed length",
            "let what stands in front of it take one sample after the other, of which a "
            "convolution keeps the last ones as a state, and export that step",
        )


def _check_direction(call: Call, length: int) -> None:
    direction = call.given.get("direction", b"forward").decode()
    if direction == "bidirectional":
        raise call.error(
            "reads the sequence in both directions, and a step does not know what is to come",
            "train it with one direction (bidirectional=False)",
        )
    if direction != "forward" and length > 1:
        raise call.error(
            "reads the sequence backwards, and a step does not know what is to come",
            "train it with the direction forward",
        )
    lengths = call.inputs[4] if len(call.inputs) > 4 else None
    if lengths is not None and lengths.array is not None and np.any(lengths.array != length):
        fact = f"runs over {int(lengths.array.min())} of {length} steps by its sequence_lens"
        raise call.error(fact, "leave sequence_lens out")


def _start(walk: Walk, call: Call, x: Value, number: int, hidden: int) -> tuple[str, str | None]:
    """The tensor that a state is read from; and if the step keeps it, what it starts from, or ""
    if that is 0; None if the step does not keep it."""
    at = 5 + number
    given = call.inputs[at] if len(call.inputs) > at else None
    if given is not None and math.prod(given.shape) != hidden:
        raise call.error(
            f"has {hidden} units and starts from a state of the shape {list(given.shape)}, as "
            "torch's dynamo exporter writes an LSTM with a projection, which is then lost",
            "write a module with proj_size by elegans.trainer.export_onnx",
        )
    zero = known_zero(given)
    if walk.copies > 1 or walk.depth:  # a cell at one of several steps
        zeros = np.zeros((1, 1, hidden))
        return walk.nodes.constant(zeros) if given is None else walk.nodes.name_of(given), None
    kind = call.node.op_type
    count = f"{walk.found[kind]}" if walk.found[kind] > 1 else ""
    name = walk.nodes.fresh(f"{kind.lower()}{count}_{_STATES[kind][number]}")
    return name, "" if zero or given is None else walk.initial(call, given, x.when)


def _cell(call: Call, nodes: StepNodes) -> _Cell:
    """The node's weights by gate. Raises `ElegansError` if they are no constants."""
    kind, gates = call.node.op_type, _GATES[call.node.op_type]
    names = [_ACTIVATIONS[kind][n] for n in range(len(_ACTIVATIONS[kind]))]
    names = [name.decode() for name in call.given.get("activations", ())] or names
    if len(names) != len(_ACTIVATIONS[kind]):
        raise ValueError(f"it has {len(names)} activations")
    w, r = (_constant(call, number) for number in (1, 2))
    hidden = r.shape[2]
    b = _constant(call, 3, (1, 2 * len(gates) * hidden)).reshape(2 * len(gates), hidden)
    p = _constant(call, 7, (1, 3 * hidden)).reshape(3, hidden)
    if r.shape != (1, len(gates) * hidden, hidden) or w.shape[:2] != r.shape[:2]:
        raise ValueError(f"its weights have the shapes {list(w.shape)} and {list(r.shape)}")
    if call.given.get("hidden_size", hidden) != hidden:
        raise ValueError(f"hidden_size is {call.given['hidden_size']}")
    rows = {g: slice(n * hidden, (n + 1) * hidden) for n, g in enumerate(gates)}
    return _Cell(
        nodes,
        {g: w[0, at] for g, at in rows.items()},
        {g: r[0, at] for g, at in rows.items()},
        dict(zip(gates, b, strict=False)),
        dict(zip(gates, b[len(gates) :], strict=True)),
        dict(zip("iof", p, strict=True)),
        activations(nodes, names, call.given),
        float(call.given.get("clip", 0.0)),
        bool(call.given.get("linear_before_reset")),
        bool(call.given.get("input_forget")),
    )


def _constant(call: Call, number: int, absent: Shape | None = None) -> Array:
    value = call.inputs[number] if number < len(call.inputs) else None
    if value is None and absent is not None:
        return np.zeros(absent)
    if value is None or value.array is None:
        name = call.node.input[number]
        fact = f"its weights {name!r:.60} are computed at run time, or an input of the file"
        raise call.error(fact, "export them as constants")
    return value.array.astype(np.float64)
