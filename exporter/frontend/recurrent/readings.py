"""The ways to read which axes of a graph's inputs are time, the likeliest first."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import onnx

from elegans.exporter.frontend.recurrent.series.values import Value, When

_MOST, _MOST_UNROLLED = 64, 8  # ways that are tried
_LENGTHS = (5, 7, 11, 13)  # of a sequence without a length: one that no other axis has


@dataclass(frozen=True)
class Reading:
    """One way to read a graph.

    length  the number of steps
    axes    by the names of the inputs, those of time
    symbol  the name of the dimension that is time, if it has no number
    """

    length: int
    axes: dict[str, int | None]
    symbol: str | None = None

    @property
    def free(self) -> bool:
        """Whether the file fits sequences of any length."""
        return self.symbol is not None

    def size(self, dim: int | str) -> int:
        """The size of an axis: the length for that of time, 1 for others without a number."""
        if isinstance(dim, int):
            return dim
        return self.length if dim == self.symbol else 1


def readings(model: onnx.ModelProto) -> list[Reading]:
    """The ways to read the axes of a graph's inputs; the last one is a sequence of one step."""
    shapes = _shapes(model)
    sizes = {n for dims in shapes.values() for n in dims if isinstance(n, int)}
    free = next((n for n in _LENGTHS if n not in sizes), _LENGTHS[0])
    symbols = dict.fromkeys(n for dims in shapes.values() for n in dims if isinstance(n, str))
    found = []
    for symbol in symbols:
        axes: dict[str, int | None] = {
            name: dims.index(symbol) for name, dims in shapes.items() if symbol in dims
        }
        found.append(Reading(free, axes, symbol))
    lengths = [n for n in dict.fromkeys(itertools.chain(*shapes.values())) if isinstance(n, int)]
    for length in (n for n in lengths if n > 1):
        found += [Reading(length, axes) for axes in _choices(shapes, length)]
    return [*found[: _MOST - 1], Reading(1, {})]


def _choices(shapes: dict[str, list[int | str]], length: int) -> Iterator[dict[str, int | None]]:
    """Each input with axes of this length has time on one of them or on none, but not all none."""
    options: list[list[int | None]] = [
        [*(axis for axis, n in enumerate(dims) if n == length), None] for dims in shapes.values()
    ]
    for axes in itertools.islice(itertools.product(*options), _MOST):
        if any(axis is not None for axis in axes):
            yield dict(zip(shapes, axes, strict=True))


def unrolled_readings(model: onnx.ModelProto, shortest: int) -> list[Reading]:
    """The ways to read a graph as the copies of one step, for each of which it has nodes."""
    shapes = _shapes(model)
    kinds = Counter(
        n.op_type for n in model.graph.node if n.op_type not in ("Constant", "Identity")
    )
    most = max(kinds.values(), default=0)
    lengths = [n for n in dict.fromkeys(itertools.chain(*shapes.values())) if isinstance(n, int)]
    found: list[Reading] = []
    for length in (n for n in lengths if shortest <= n <= most + 1):
        found += [Reading(length, axes) for axes in _choices(shapes, length)]
    return found[:_MOST_UNROLLED]


def input_values(model: onnx.ModelProto, reading: Reading, copies: int = 1) -> dict[str, Value]:
    """The inputs of a graph as the reading has them; the copies of a series are named apart."""
    found = {}
    for port, dims in _ports(model):
        shape = tuple(reading.size(n) for n in dims)
        axis = reading.axes.get(port.name)
        when = When.STEADY if axis is None else When.SERIES
        kind = port.type.tensor_type.elem_type
        apart = when is When.SERIES and copies > 1
        names = [f"{port.name}@{n}" for n in range(copies)] if apart else [port.name]
        found[port.name] = Value(shape, kind, tuple(names), when, axis)
    return found


def sized(model: onnx.ModelProto, reading: Reading) -> onnx.ModelProto:
    """The graph with a number for each dimension of its inputs."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    del fixed.graph.value_info[:]
    for port, dims in _ports(fixed):
        for dim, size in zip(port.type.tensor_type.shape.dim, dims, strict=True):
            dim.dim_value = reading.size(size)
    for port in fixed.graph.output:
        port.type.tensor_type.ClearField("shape")
    return fixed


def _shapes(model: onnx.ModelProto) -> dict[str, list[int | str]]:
    return {port.name: dims for port, dims in _ports(model)}


def _ports(model: onnx.ModelProto) -> list[tuple[onnx.ValueInfoProto, list[int | str]]]:
    """The inputs of a graph, and their axes: sizes, or names of those that have none."""
    held = {tensor.name for tensor in model.graph.initializer}
    return [
        (
            port,
            [
                d.dim_value if d.dim_value > 0 else d.dim_param or f"{port.name}.{axis}"
                for axis, d in enumerate(port.type.tensor_type.shape.dim)
            ],
        )
        for port in model.graph.input
        if port.name not in held
    ]
