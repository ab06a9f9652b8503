"""Finds out which inputs of a graph are x, h and dt, and which outputs are y and h_next.

In this order: the names that the user gives; the names that elegans' trainer writes (x, h, dt,
y, h_next); dataflow. By dataflow, a next state has the size of a state and depends on it,
preferably element by element, and elapsed time is a single number that varying values are
multiplied or divided by.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path

import onnx

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.open_file import EXPORT_ONE_STEP

_WIDEST = 8192  # elements of a port; a limit on what a file that is not trusted can ask for
_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
_NAME_THEM = "name them: --state IN:OUT for each state, --elapsed NAME for the elapsed time"
# Operators in whose results each element may depend on every element of an input.
_MIXING = frozenset(("MatMul", "Gemm", "Conv", "ReduceSum", "ReduceMean", "LSTM", "GRU", "RNN"))
_MULTIPLYING = frozenset(("Mul", "Div", "Pow", "Reciprocal"))

States = tuple[tuple[str, str], ...]  # names of graph inputs and outputs: (h, h_next) pairs


@dataclass(frozen=True)
class GraphPort:
    """An input or output of the graph: elements lo..hi (exclusive) of one of the vectors.

    name    of the tensor in the graph
    vector  x, h, dt, y or h_next
    shape   of the tensor, which has hi - lo elements
    """

    name: str
    vector: str
    lo: int
    hi: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class GraphPorts:
    """All inputs and outputs of a graph; h_next is in the order of h."""

    inputs: tuple[GraphPort, ...]
    y: tuple[GraphPort, ...]
    h_next: tuple[GraphPort, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """The number of elements of each vector; without `dt` if the graph has none."""
        found: dict[str, int] = {}
        for port in (*self.inputs, *self.y, *self.h_next):
            found[port.vector] = max(found.get(port.vector, 0), port.hi)
        return found


def find_ports(
    model: onnx.ModelProto, path: Path, states: States = (), elapsed: str | None = None
) -> GraphPorts:
    """The inputs and outputs of the graph of one step.

    states   the user's pairs of names (input, output), or none
    elapsed  the user's name of the input dt, or None

    Raises `ElegansError` if they cannot be told apart, or the graph is not one step.
    """
    held = {tensor.name for tensor in model.graph.initializer}
    inputs = {v.name: _shape(v, path) for v in model.graph.input if v.name not in held}
    outputs = {v.name: _shape(v, path) for v in model.graph.output}
    if not outputs or not inputs:
        raise ElegansError(path, "has no inputs or no outputs", EXPORT_ONE_STEP)
    _refuse_sequences(inputs, outputs, path)
    for name in (*(n for pair in states for n in pair), *((elapsed,) if elapsed else ())):
        if name not in inputs and name not in outputs:
            known = ", ".join((*inputs, *outputs))
            raise ElegansError(path, f"has no input or output {name!r}", f"choose from {known}")
    graph = _Dataflow(model)
    dt = elapsed or _elapsed_time(graph, inputs, {i for i, _ in states})
    if dt is not None and math.prod(inputs.get(dt, (0,))) != 1:
        shape = list(inputs.get(dt, ()))
        raise ElegansError(
            f"{path}, {dt!r}",
            f"has the shape {shape}; elapsed time is one number",
            EXPORT_ONE_STEP,
        )
    pairs = states or _state_pairs(graph, inputs, outputs, dt, path)
    for before, after in pairs:
        if math.prod(inputs.get(before, (0,))) != math.prod(outputs.get(after, (-1,))):
            fact = f"{after!r} cannot be the next state of {before!r}: their sizes differ"
            raise ElegansError(path, fact, _NAME_THEM)
    kept = {after for _, after in pairs}
    x = [name for name in inputs if name != dt and name not in dict(pairs)]
    y = [name for name in outputs if name not in kept]
    if not x:
        raise ElegansError(path, "takes a state but no input", EXPORT_ONE_STEP)
    if not y:
        y = [pairs[0][1]]  # without an output of its own, the network shows its state
    return GraphPorts(
        (
            *_concatenated("x", x, inputs),
            *_concatenated("h", [before for before, _ in pairs], inputs),
            *_concatenated("dt", [dt] if dt else [], inputs),
        ),
        _concatenated("y", y, outputs),
        _concatenated("h_next", [after for _, after in pairs], outputs),
    )


def _concatenated(
    vector: str, names: list[str], shapes: dict[str, tuple[int, ...]]
) -> tuple[GraphPort, ...]:
    """The ports of one vector, which is the concatenation of these tensors."""
    ends = list(itertools.accumulate((math.prod(shapes[n]) for n in names), initial=0))
    return tuple(
        GraphPort(name, vector, lo, hi, shapes[name])
        for name, (lo, hi) in zip(names, itertools.pairwise(ends), strict=True)
    )


class _Dataflow:
    """Which tensors of a graph depend on which, and whether element by element."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        self.copies: dict[str, str] = {}
        for node in model.graph.node:
            if node.op_type == "Identity" and node.output:
                self.copies[node.output[0]] = node.input[0]
            for name in node.input:
                self.readers.setdefault(name, []).append(node)

    def dependents(self, start: str, elementwise: bool = False) -> set[str]:
        """Every tensor that depends on `start`.

        elementwise  only those of which each element depends on one element of `start`
        """
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
        """The tensor that this one is a copy of, or this one."""
        seen = {name}
        while (name := self.copies.get(name, name)) not in seen:
            seen.add(name)
        return name

    def multiplies(self, name: str) -> bool:
        """Whether a varying tensor is multiplied or divided by this one, or by a multiple of it."""
        varying = set().union(*(self.dependents(v.name) for v in self.model.graph.input))
        own = self.dependents(name)
        alone, pending = {name}, [name]  # tensors that depend on `name` and constants only
        while pending:
            for node in self.readers.get(pending.pop(), ()):
                others = set(node.input) - alone
                if not others & varying:
                    pending += set(node.output) - alone
                    alone |= set(node.output)
                elif node.op_type in _MULTIPLYING and others - own:
                    return True
        # A constant divided by it, as LTC's C / dt, or an exponential of it: what the result is
        # multiplied by was not seen above, because the result depends on `name` alone.
        return any(
            node.op_type in ("Div", "Reciprocal", "Exp") and set(node.input) & alone
            for node in self.model.graph.node
        )


def _elapsed_time(
    graph: _Dataflow, inputs: dict[str, tuple[int, ...]], taken: set[str]
) -> str | None:
    """The name of the input dt, or None; never one of `taken`, which are states."""
    if "dt" in inputs:
        return "dt"
    single = [n for n, s in inputs.items() if math.prod(s) == 1 and n not in taken | {"x", "h"}]
    return next((name for name in single if graph.multiplies(name)), None)


def _state_pairs(
    graph: _Dataflow,
    inputs: dict[str, tuple[int, ...]],
    outputs: dict[str, tuple[int, ...]],
    dt: str | None,
    path: Path,
) -> States:
    if "h" in inputs and "h_next" in outputs:
        return (("h", "h_next"),)
    dependents = {name: graph.dependents(name) for name in inputs if name != dt}
    elementwise = {name: graph.dependents(name, elementwise=True) for name in dependents}
    distinct = {graph.origin(name): name for name in outputs}  # of equal outputs, the last
    options = [
        (i, o)
        for i in dependents
        for o in distinct.values()
        if o in dependents[i] and math.prod(inputs[i]) == math.prod(outputs[o])
    ]
    if not options:
        raise ElegansError(
            path,
            "keeps no state: no output has the size of an input that it depends on",
            "elegans takes steps of recurrent networks; give an MLP a delay line as its state: "
            "h_next = [h[I:], x]",
        )
    preferred = [(i, o) for i, o in options if o in elementwise[i]]
    found = _unique_pairing(preferred) or _unique_pairing(options)
    if found is None:
        listed = ", ".join(f"{i}:{o}" for i, o in options)
        raise ElegansError(path, f"has several candidates for its states: {listed}", _NAME_THEM)
    return found


def _unique_pairing(options: list[tuple[str, str]]) -> States | None:
    """The only way to pair each input with an output of its own, or None.

    If every input could be paired with every output, they are paired in their order.
    """
    befores, afters = (
        (list(dict.fromkeys(side)) for side in zip(*options, strict=True)) if options else ([], [])
    )
    if len(befores) != len(afters):
        return None
    pairs = tuple(zip(befores, sorted(afters, key=afters.index), strict=True))
    complete = len(options) in (len(befores), len(befores) ** 2)
    return pairs if befores and complete and set(pairs) <= set(options) else None


def _refuse_sequences(
    inputs: dict[str, tuple[int, ...]], outputs: dict[str, tuple[int, ...]], path: Path
) -> None:
    lengths = [{s[-2] for s in shapes.values() if len(s) == 3} for shapes in (inputs, outputs)]
    common = (lengths[0] & lengths[1]) - {1}
    times = [s for name, s in inputs.items() if name in ("dt", "timespans") and math.prod(s) > 1]
    if common or times:
        steps = math.prod(times[0]) if times else max(common)
        raise ElegansError(path, f"is a sequence of {steps} steps, not one step", EXPORT_ONE_STEP)


def _shape(value: onnx.ValueInfoProto, path: Path) -> tuple[int, ...]:
    """The shape of a port. Raises `ElegansError` unless it is one vector of floats."""
    kind = value.type.tensor_type
    dims = tuple(d.dim_value if d.HasField("dim_value") else 0 for d in kind.shape.dim)
    place = f"{path}, {value.name!r}"
    if kind.elem_type not in _FLOATS:
        raise ElegansError(place, "is not a tensor of floats", EXPORT_ONE_STEP)
    size = math.prod(dims)
    if len(dims) > 1 and dims[0] > 1 and size > dims[0]:
        raise ElegansError(place, f"has a batch of {dims[0]}", "export a batch of 1")
    if not 1 <= size <= _WIDEST or not all(0 < d <= _WIDEST for d in dims):
        shape = [d.dim_value or d.dim_param or "?" for d in kind.shape.dim]
        raise ElegansError(
            place, f"has the shape {shape}", f"elegans takes vectors of 1 to {_WIDEST} elements"
        )
    return dims
