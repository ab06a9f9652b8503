"""Finds out which inputs of a graph are x, h and dt, and which outputs are y and h_next.

What the user names comes first. Elapsed time is a single number that has its name (dt,
timespans, elapsed), or that varying values are multiplied or divided by; the states are found
by `state_pairs`. What is left is a sensor or an output.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from pathlib import Path

import onnx

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.frontend.dataflow import Dataflow
from elegans.exporter.frontend.open_file import EXPORT_ONE_STEP
from elegans.exporter.frontend.ports.names import (
    Pairs,
    PortSizes,
    is_sensor_name,
    is_state_name,
    is_time_name,
    name_pairs,
    speaks_of_state,
    tool_names,
)
from elegans.exporter.frontend.ports.questions import refuse_merged_states
from elegans.exporter.frontend.ports.state_pairs import find_states, left_over, passed_over
from elegans.exporter.ir.fixed_model import Window

_WIDEST = 1 << 16  # elements of a port; a limit on what a file that is not trusted can ask for
_MOST = (1 << 16) - 1  # inputs, states or outputs of a step: C and the protocol count in 16 bits
_FLOATS = (
    *(onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE),
    *(onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16),
)
_RESULTS = (*_FLOATS, onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.BOOL)
"""Of outputs: the index of the greatest element is a whole number."""
_NAME_THEM = "name them: --state IN:OUT for each state, --elapsed NAME for the elapsed time"

States = Pairs  # names of graph inputs and outputs: (h, h_next) pairs


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
    """All inputs and outputs of a graph; h_next is in the order of h.

    left_over    pairs that could be states, but are not among those that the user named
    passed_over  the same where names and dataflow have told the states
    """

    inputs: tuple[GraphPort, ...]
    y: tuple[GraphPort, ...]
    h_next: tuple[GraphPort, ...]
    left_over: States = ()
    passed_over: States = ()

    @property
    def states(self) -> dict[str, Window]:
        """The windows of h by the names of the graph's inputs."""
        return {p.name: Window("h", p.lo, p.hi) for p in self.inputs if p.vector == "h"}

    @property
    def sizes(self) -> dict[str, int]:
        """The number of elements of each vector; without `dt` if the graph has none."""
        found: dict[str, int] = {}
        for port in (*self.inputs, *self.y, *self.h_next):
            found[port.vector] = max(found.get(port.vector, 0), port.hi)
        return found


def find_ports(
    model: onnx.ModelProto,
    path: Path,
    states: States = (),
    elapsed: str | None = None,
    proved: States = (),
) -> GraphPorts:
    """The inputs and outputs of the graph of one step.

    states   the user's pairs of names (input, output), all of them; or none
    elapsed  the user's name of the input dt, or None
    proved   the states of a step that was found in a sequence; the user's own go first

    Raises `ElegansError` if they cannot be told apart, or the graph is not one step.
    """
    held = {tensor.name for tensor in model.graph.initializer}
    inputs = {v.name: _shape(v, path) for v in model.graph.input if v.name not in held}
    outputs = {v.name: _shape(v, path, _RESULTS) for v in model.graph.output}
    if not outputs or not inputs:
        raise ElegansError(path, "has no inputs or no outputs", EXPORT_ONE_STEP)
    _refuse_sequences(inputs, outputs, states or proved, path)
    for name in (*(n for pair in states for n in pair), *((elapsed,) if elapsed else ())):
        if name not in inputs and name not in outputs:
            known = ", ".join((*inputs, *outputs))
            raise WrongUseError(path, f"has no input or output {name!r}", f"choose from {known}")
    for side in zip(*states, strict=True):
        twice = next((name for name in side if side.count(name) > 1), None)
        if twice is not None:
            raise WrongUseError("--state", f"names {twice!r} twice", "name each state once")
    graph = Dataflow(model)
    sizes = {name: math.prod(shape) for name, shape in inputs.items()}
    sizes_out = {name: math.prod(shape) for name, shape in outputs.items()}
    dt = elapsed or _elapsed_time(graph, PortSizes(sizes, sizes_out), states or proved, path)
    if dt is not None and sizes.pop(dt, 0) != 1:
        shape = list(inputs.get(dt, ()))
        raise ElegansError(
            f"{path}, {dt!r}",
            f"has the shape {shape}; elapsed time is one number",
            EXPORT_ONE_STEP,
        )
    ports = PortSizes(sizes, sizes_out)
    refuse_merged_states(graph, ports, path)
    for before, after in states:
        if sizes.get(before, 0) != sizes_out.get(after, -1):
            fact = f"{after!r} cannot be the next state of {before!r}: their sizes differ"
            raise ElegansError(path, fact, _NAME_THEM)
    pairs = states or proved or find_states(graph, ports, path)
    kept = [after for _, after in pairs]
    x = [name for name in sizes if name not in dict(pairs)]
    # Without an output of its own, the network shows its state.
    y = [name for name in outputs if name not in kept] or sorted(
        kept, key=lambda name: name not in ports.shown
    )[:1]
    if not x:
        raise ElegansError(path, "takes a state but no input", EXPORT_ONE_STEP)
    _refuse_batches({name: inputs[name] for name in (*x, *([dt] if dt else ()))}, path)
    _refuse_batches({name: outputs[name] for name in y if name not in kept}, path)
    return GraphPorts(
        (
            *_concatenated("x", x, inputs, path),
            *_concatenated("h", [before for before, _ in pairs], inputs, path),
            *_concatenated("dt", [dt] if dt else [], inputs, path),
        ),
        _concatenated("y", y, outputs, path),
        _concatenated("h_next", kept, outputs, path),
        left_over(graph, ports, states) if states else (),
        () if states or proved else passed_over(graph, ports, pairs),
    )


def _concatenated(
    vector: str, names: list[str], shapes: dict[str, tuple[int, ...]], path: Path
) -> tuple[GraphPort, ...]:
    """The ports of one vector, which is the concatenation of these tensors."""
    ends = list(itertools.accumulate((math.prod(shapes[n]) for n in names), initial=0))
    if ends[-1] > _MOST:
        fact = f"has {ends[-1]:,} elements in {', '.join(names):.80}"
        raise ElegansError(path, fact, f"elegans takes {_MOST:,} at most; make the network smaller")
    return tuple(
        GraphPort(name, vector, lo, hi, shapes[name])
        for name, (lo, hi) in zip(names, itertools.pairwise(ends), strict=True)
    )


def _elapsed_time(graph: Dataflow, ports: PortSizes, states: States, path: Path) -> str | None:
    """The name of the input dt, or None; never one of the user's states.

    Raises `ElegansError` if several inputs could be it.
    """
    pairs = states or name_pairs(ports.inputs, ports.outputs)
    given = tool_names(ports.inputs)
    if "dt" in ports.inputs and "dt" not in dict(states):
        return "dt"
    single = [n for n, size in ports.inputs.items() if size == 1 and n not in dict(pairs)]
    named = [n for n in single if n not in given and is_time_name(n)]
    other = [n for n in single if n in given or not (is_sensor_name(n) or is_state_name(n))]
    found = named if len(named) == 1 else [n for n in named or other if graph.multiplies(n)]
    if not (found or named):
        return None
    rivals = [] if states or named else _next_values(graph, ports, found[0], pairs)
    if len(found) == 1 and not rivals:
        return found[0]
    options = " or ".join(f"--elapsed {n}" for n in found or named)
    ways = "".join(f" or --state {found[0]}:{after}" for after in rivals)
    raise ElegansError(
        path,
        f"has several candidates for the elapsed time: {', '.join(found or named)}"
        if not rivals
        else f"leaves open whether {found[0]!r} is the elapsed time or a state",
        f"name it: {options}{ways}",
    )


def _next_values(graph: Dataflow, ports: PortSizes, name: str, pairs: States) -> list[str]:
    """Outputs of one number that could be the next state of an input that scales others."""
    taken = {after for _, after in pairs} | ports.shown
    free = [n for n, size in ports.outputs.items() if size == 1 and n not in taken]
    blended = graph.blended(name)
    return [
        n
        for n in free
        if n in blended and not graph.only_through(name, n, ports.outputs.keys() - {n})
    ]


def _refuse_batches(shapes: dict[str, tuple[int, ...]], path: Path) -> None:
    """Refuse a first axis above 1. (A state may have one: it counts its layers.)"""
    for name, dims in shapes.items():
        if len(dims) > 1 and dims[0] > 1 and math.prod(dims) > dims[0]:
            raise ElegansError(
                f"{path}, {name!r}", f"has a batch of {dims[0]}", "export a batch of 1"
            )


def _refuse_sequences(
    inputs: dict[str, tuple[int, ...]],
    outputs: dict[str, tuple[int, ...]],
    states: States,
    path: Path,
) -> None:
    """Refuse inputs and outputs of one length; states may be matrices, as by their names, unless
    these leave no sensor."""
    sizes = ({n: math.prod(s) for n, s in shapes.items()} for shapes in (inputs, outputs))
    known = states or name_pairs(*sizes)
    if not inputs.keys() - dict(known).keys():
        known = tuple((i, o) for i, o in known if speaks_of_state(o))
    apart = {name for pair in known for name in pair}
    lengths = [
        {s[-2] for name, s in shapes.items() if len(s) == 3 and name not in apart}
        for shapes in (inputs, outputs)
    ]
    common = (lengths[0] & lengths[1]) - {1}
    times = [s for name, s in inputs.items() if name in ("dt", "timespans") and math.prod(s) > 1]
    if common or times:
        steps = math.prod(times[0]) if times else max(common)
        raise ElegansError(path, f"is a sequence of {steps} steps, not one step", EXPORT_ONE_STEP)


def _shape(
    value: onnx.ValueInfoProto, path: Path, kinds: tuple[int, ...] = _FLOATS
) -> tuple[int, ...]:
    """The shape of a port. Raises `ElegansError` unless it is one vector of these types."""
    kind = value.type.tensor_type
    dims = tuple(d.dim_value if d.HasField("dim_value") else 0 for d in kind.shape.dim)
    place = f"{path}, {value.name!r}"
    if kind.elem_type not in kinds:
        remedy = (
            "let the step take numbers of 0 and 1, and compare them: mask > 0.5"
            if kind.elem_type == onnx.TensorProto.BOOL
            else "let the step take what these numbers select, as the embedded vector or one that "
            "is 1 at its place"
        )
        fact = "is not a tensor of floats, as sensors are"
        raise ElegansError(place, fact, f"{remedy}; or {EXPORT_ONE_STEP}")
    size = math.prod(dims)
    if not 1 <= size <= _WIDEST or not all(0 < d <= _WIDEST for d in dims):
        shape = [d.dim_value or d.dim_param or "?" for d in kind.shape.dim]
        raise ElegansError(
            place, f"has the shape {shape}", f"elegans takes vectors of 1 to {_WIDEST} elements"
        )
    return dims
