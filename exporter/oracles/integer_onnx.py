"""The model as an ONNX graph of integers: a second reference, which needs onnxruntime only.

Inputs and outputs are int16, as on the device, or int32 where states and elapsed time have 32 bits;
all other tensors are int64. ONNX shifts
unsigned numbers only, so `a >> n` becomes `(a - a mod 2^n) / 2^n`, exact for either sign.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from elegans.exporter.ir.fixed_model import Model, Step, walk
from elegans.exporter.numbers.fixed import Integers, Value
from elegans.exporter.numbers.sparse_matrix import SparseMatrix

_OPSET = 18
_TYPES = {16: TensorProto.INT16, 32: TensorProto.INT32}
_LARGE = 1 << 20  # elements (8 MiB of int64) from which a sparse matrix is not stored as dense


class GraphBuilder:
    """The nodes and constants of a graph under construction. Equal constants are stored once."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = {}

    def add(self, kind: str, *inputs: str, **attributes: Any) -> Node:
        """A new node of an ONNX operator; returns its output."""
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return Node(self, output)

    def constant(self, value: Any) -> str:
        """The name of a constant int64 tensor."""
        array = np.asarray(value, dtype=np.int64)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            name = f"c{len(self.constants)}"
            self.constants[key] = numpy_helper.from_array(array, name)
        return self.constants[key].name


class Node:
    """A tensor of the graph, with all the operators that ops use; each adds nodes."""

    def __init__(self, graph: GraphBuilder, name: str) -> None:
        self.graph = graph
        self.name = name

    def new_tensor(self, value: Integers) -> Node:
        """A constant of the same graph (torch's name for it; see `fixed.constant`)."""
        return Node(self.graph, self.graph.constant(value))

    def _name(self, other: Node | int) -> str:
        return other.name if isinstance(other, Node) else self.graph.constant(other)

    def _two(self, kind: str, other: Node | int) -> Node:
        return self.graph.add(kind, self.name, self._name(other))

    def __add__(self, other: Node | int) -> Node:
        return self._two("Add", other)

    def __sub__(self, other: Node | int) -> Node:
        return self._two("Sub", other)

    def __mul__(self, other: Node | int) -> Node:
        return self._two("Mul", other)

    def __matmul__(self, other: Node) -> Node:
        return self._two("MatMul", other)

    def times(self, weights: Integers | SparseMatrix) -> Node:
        """`fixed.product`. A large sparse matrix becomes Gather, Mul and ReduceSum.

        Each row then has as many elements as the fullest row, those left over with weight 0.
        """
        widest = int(weights.counts.max(initial=1)) if isinstance(weights, SparseMatrix) else 0
        rows, cols = weights.shape
        if not isinstance(weights, SparseMatrix) or rows * cols < _LARGE or 2 * widest > cols:
            return self @ self.new_tensor(np.asarray(weights).T)
        columns, values = np.zeros((2, rows, widest), np.int64)
        place = np.arange(len(weights.values)) - np.repeat(
            np.cumsum(weights.counts) - weights.counts, weights.counts
        )
        columns[weights.rows, place] = weights.columns
        values[weights.rows, place] = weights.values
        read = self.graph.add("Gather", self.name, self.graph.constant(columns), axis=-1)
        axes = self.graph.constant([-1])
        return self.graph.add("ReduceSum", (read * self.new_tensor(values)).name, axes, keepdims=0)

    def __abs__(self) -> Node:
        return self.graph.add("Abs", self.name)

    def __rshift__(self, n: Node | int) -> Node:
        return self // self.graph.add("Pow", self.graph.constant(2), self._name(n))

    def __floordiv__(self, other: Node | int) -> Node:
        """Floor division. ONNX's Div truncates, so the remainder is subtracted first.

        The remainder is that of Mod, which has the divisor's sign, so Div is then exact.
        """
        divisor = Node(self.graph, self._name(other))
        return self.graph.add("Div", (self - (self % divisor)).name, divisor.name)

    def __mod__(self, other: Node) -> Node:
        return self._two("Mod", other)

    def __and__(self, mask: int) -> Node:
        return self % Node(self.graph, self.graph.constant(mask + 1))

    def __getitem__(self, index: Any) -> Node:
        if isinstance(index, Node):
            return self.graph.add("Gather", self.name, index.name)
        window = index[-1]
        if isinstance(window, np.ndarray):
            return self.graph.add("Gather", self.name, self.graph.constant(window), axis=-1)
        bounds = [self.graph.constant([v]) for v in (window.start, window.stop, -1)]
        return self.graph.add("Slice", self.name, *bounds)

    def flattened(self, size: int) -> Node:
        """`sliding_window.flattened`: all but the first dimension as one."""
        return self.graph.add("Reshape", self.name, self.graph.constant([-1, size]))

    def clip(self, lo: Node | int, hi: Node | int) -> Node:
        """Saturation to lo..hi."""
        above = self.graph.add("Max", self.name, self._name(lo))
        return self.graph.add("Min", above.name, self._name(hi))


def _join(parts: list[Value]) -> Value:
    return parts[0].graph.add("Concat", *[part.name for part in parts], axis=-1)


def _apply(step: Step, args: list[Value]) -> Value:
    return step.op.integer(*args)


def integer_onnx(model: Model) -> onnx.ModelProto:
    """The ONNX graph of one step of a batch of N independent runs.

    inputs   x [N, inputs], dt [N, 1] unless the sample period is a constant, h [N, states]
    outputs  y [N, outputs], h_next [N, states]

    x and y are int16, h, h_next and dt of the size that the model says.
    """
    graph = GraphBuilder()
    sizes = {"x": len(model.inputs), "dt": 1 if model.dt else 0, "h": len(model.states)}
    bits = {
        "x": 16,
        "y": 16,
        "dt": model.dt_bits,
        "h": model.state_bits,
        "h_next": model.state_bits,
    }
    inputs = [_tensor_info(name, size, bits[name]) for name, size in sizes.items() if size]
    given = {i.name: graph.add("Cast", i.name, to=TensorProto.INT64) for i in inputs}
    y, h_next, _ = walk(model, given, _join, _apply)
    for value, name in ((y, "y"), (h_next, "h_next")):
        graph.nodes.append(helper.make_node("Cast", [value.name], [name], to=_TYPES[bits[name]]))
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            model.name,
            inputs,
            [
                _tensor_info("y", len(model.outputs), bits["y"]),
                _tensor_info("h_next", len(model.states), bits["h_next"]),
            ],
            list(graph.constants.values()),
        ),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=8,
        producer_name="elegans",
    )
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _tensor_info(name: str, size: int, bits: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, _TYPES[bits], ["N", size])
