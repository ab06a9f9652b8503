"""Which inputs and outputs of a graph are the sensors, the state, the time and the outputs.

What the user names counts first, then the names that elegans' own trainer writes (x, h, dt;
y, h_next), then dataflow: a next state has the size of a state and depends on it, best
element by element, and elapsed time is a single number that others are multiplied by.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path

import onnx

from elegans.exporter.errors import ElegansError

_WIDEST = 8192
_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
_STEP = (
    "export one step: inputs x [1, I], h [1, H] and optionally dt [1, 1], outputs y and h_next; "
    "elegans.trainer.export_onnx does it for ncps"
)
_NAME_THEM = "name them: --state IN:OUT for each state, --elapsed NAME for the elapsed time"
# Where every element of the result may depend on every element of the input.
_MIXING = frozenset(("MatMul", "Gemm", "Conv", "ReduceSum", "ReduceMean", "LSTM", "GRU", "RNN"))
_MULTIPLYING = frozenset(("Mul", "Div", "Pow", "Reciprocal"))

States = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Port:
    """A tensor of the graph's border: elements lo..hi of the vector x, h, dt, y or h_next."""

    name: str
    vector: str
    lo: int
    hi: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Ports:
    """All ports; `h_next` is in the order of the states that it renews."""

    inputs: tuple[Port, ...]
    y: tuple[Port, ...]
    h_next: tuple[Port, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """The length of every vector; `dt` is absent where nothing reads it."""
        found: dict[str, int] = {}
        for port in (*self.inputs, *self.y, *self.h_next):
            found[port.vector] = max(found.get(port.vector, 0), port.hi)
        return found


def find_ports(
    model: onnx.ModelProto, path: Path, states: States = (), elapsed: str | None = None
) -> Ports:
    """The ports of a step graph. Raises ElegansError where they cannot be told apart."""
    held = {tensor.name for tensor in model.graph.initializer}
    inputs = {v.name: _shape(v, path) for v in model.graph.input if v.name not in held}
    outputs = {v.name: _shape(v, path) for v in model.graph.output}
    if not outputs or not inputs:
        raise ElegansError(path, "has no inputs or no outputs", _STEP)
    _check_sequence(inputs, outputs, path)
    for name in (*(n for pair in states for n in pair), *((elapsed,) if elapsed else ())):
        if name not in inputs and name not in outputs:
            known = ", ".join((*inputs, *outputs))
            raise ElegansError(path, f"has no input or output {name!r}", f"choose from {known}")
    graph = _Flow(model)
    dt = elapsed or _time(graph, inputs, {i for i, _ in states})
    if dt is not None and math.prod(inputs.get(dt, (0,))) != 1:
        shape = list(inputs.get(dt, ()))
        raise ElegansError(f"{path}, {dt!r}", f"is no single elapsed time: {shape}", _STEP)
    pairs = states or _states(graph, inputs, outputs, dt, path)
    for before, after in pairs:
        if math.prod(inputs.get(before, (0,))) != math.prod(outputs.get(after, (-1,))):
            fact = f"{after!r} is not the next {before!r}: their sizes differ"
            raise ElegansError(path, fact, _NAME_THEM)
    kept = {after for _, after in pairs}
    x = [name for name in inputs if name != dt and name not in dict(pairs)]
    y = [name for name in outputs if name not in kept]
    if not x:
        raise ElegansError(path, "takes a state but no input", _STEP)
    if not y:
        y = [pairs[0][1]]  # the state itself is all that there is to see
    return Ports(
        (
            *_laid("x", x, inputs),
            *_laid("h", [before for before, _ in pairs], inputs),
            *_laid("dt", [dt] if dt else [], inputs),
        ),
        _laid("y", y, outputs),
        _laid("h_next", [after for _, after in pairs], outputs),
    )


def _laid(vector: str, names: list[str], shapes: dict[str, tuple[int, ...]]) -> tuple[Port, ...]:
    """Ports end to end in one vector."""
    ends = list(itertools.accumulate((math.prod(shapes[n]) for n in names), initial=0))
    return tuple(
        Port(name, vector, lo, hi, shapes[name])
        for name, (lo, hi) in zip(names, itertools.pairwise(ends), strict=True)
    )


class _Flow:
    """What depends on what, and whether element by element."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        self.copies: dict[str, str] = {}
        for node in model.graph.node:
            if node.op_type == "Identity" and node.output:
                self.copies[node.output[0]] = node.input[0]
            for name in node.input:
                self.readers.setdefault(name, []).append(node)

    def reached(self, start: str, elementwise: bool = False) -> set[str]:
        """Every tensor that depends on `start`; on its own element only, if asked."""
        found, pending = {start}, [start]
        while pending:
            for node in self.readers.get(pending.pop(), ()):
                if elementwise and node.op_type in _MIXING:
                    continue
                fresh = set(node.output) - found
                found |= fresh
                pending += fresh
        return found

    def origin(self, name: str) -> str:
        """The tensor that this one is a copy of, or itself."""
        seen = {name}
        while (name := self.copies.get(name, name)) not in seen:
            seen.add(name)
        return name

    def multiplies(self, name: str) -> bool:
        """Whether something varying is multiplied or divided by it, scaled or not."""
        varying = set().union(*(self.reached(v.name) for v in self.model.graph.input))
        own = self.reached(name)
        alone, pending = {name}, [name]
        while pending:
            for node in self.readers.get(pending.pop(), ()):
                others = set(node.input) - alone
                if not others & varying:
                    pending += set(node.output) - alone
                    alone |= set(node.output)
                elif node.op_type in _MULTIPLYING and others - own:
                    return True
        # C / dt with a constant C: time divides, and what comes of it is varying no more.
        return any(
            node.op_type in ("Div", "Reciprocal", "Exp") and set(node.input) & alone
            for node in self.model.graph.node
        )


def _time(graph: _Flow, inputs: dict[str, tuple[int, ...]], taken: set[str]) -> str | None:
    if "dt" in inputs:
        return "dt"
    single = [n for n, s in inputs.items() if math.prod(s) == 1 and n not in taken | {"x", "h"}]
    return next((name for name in single if graph.multiplies(name)), None)


def _states(
    graph: _Flow,
    inputs: dict[str, tuple[int, ...]],
    outputs: dict[str, tuple[int, ...]],
    dt: str | None,
    path: Path,
) -> States:
    if "h" in inputs and "h_next" in outputs:
        return (("h", "h_next"),)
    reached = {name: graph.reached(name) for name in inputs if name != dt}
    close = {name: graph.reached(name, elementwise=True) for name in reached}
    distinct = {graph.origin(name): name for name in outputs}  # of copies, the last
    options = [
        (i, o)
        for i in reached
        for o in distinct.values()
        if o in reached[i] and math.prod(inputs[i]) == math.prod(outputs[o])
    ]
    if not options:
        raise ElegansError(
            path,
            "keeps no state: no output has the size of an input that it depends on",
            "elegans runs recurrent steps; an MLP gets a delay line as its state: h_next = "
            "[h[I:], x]",
        )
    near = [(i, o) for i, o in options if o in close[i]]
    found = _only(near) or _only(options)
    if found is None:
        told = ", ".join(f"{i}:{o}" for i, o in options)
        raise ElegansError(path, f"has several candidates for its states: {told}", _NAME_THEM)
    return found


def _only(options: list[tuple[str, str]]) -> States | None:
    """The one way to pair states with outputs; symmetric states pair in their order."""
    befores, afters = (
        (list(dict.fromkeys(side)) for side in zip(*options, strict=True)) if options else ([], [])
    )
    if len(befores) != len(afters):
        return None
    pairs = tuple(zip(befores, sorted(afters, key=afters.index), strict=True))
    complete = len(options) in (len(befores), len(befores) ** 2)
    return pairs if befores and complete and set(pairs) <= set(options) else None


def _check_sequence(
    inputs: dict[str, tuple[int, ...]], outputs: dict[str, tuple[int, ...]], path: Path
) -> None:
    lengths = [{s[-2] for s in shapes.values() if len(s) == 3} for shapes in (inputs, outputs)]
    common = (lengths[0] & lengths[1]) - {1}
    times = [s for name, s in inputs.items() if name in ("dt", "timespans") and math.prod(s) > 1]
    if common or times:
        steps = math.prod(times[0]) if times else max(common)
        raise ElegansError(path, f"is a sequence of {steps} steps, not one step", _STEP)


def _shape(value: onnx.ValueInfoProto, path: Path) -> tuple[int, ...]:
    """The shape of a port. Raises unless it is floats of a bounded, known number."""
    kind = value.type.tensor_type
    dims = tuple(d.dim_value if d.HasField("dim_value") else 0 for d in kind.shape.dim)
    place = f"{path}, {value.name!r}"
    if kind.elem_type not in _FLOATS:
        raise ElegansError(place, "is no tensor of floats", _STEP)
    size = math.prod(dims)
    if len(dims) > 1 and dims[0] > 1 and size > dims[0]:
        raise ElegansError(place, f"has a batch of {dims[0]}", "export a batch of 1")
    if not 1 <= size <= _WIDEST or not all(0 < d <= _WIDEST for d in dims):
        shape = [d.dim_value or d.dim_param or "?" for d in kind.shape.dim]
        raise ElegansError(
            place, f"has the shape {shape}", f"elegans takes vectors of 1 to {_WIDEST} elements"
        )
    return dims
