"""Follows the graph of a sequence, node by node, and makes the nodes of one step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from elegans.exporter.atoms.recogniser import Recogniser
from elegans.exporter.frontend.folding.operators import FOLDABLE
from elegans.exporter.frontend.open_file import MISFITS
from elegans.exporter.frontend.reader import Reader
from elegans.exporter.frontend.recurrent.call import (
    Call,
    Recurrence,
    Scope,
    Work,
    constants,
    value_of,
)
from elegans.exporter.frontend.recurrent.series.movement import MOVING, Movement
from elegans.exporter.frontend.recurrent.series.step_nodes import StepNodes
from elegans.exporter.frontend.recurrent.series.timewise import time_axis
from elegans.exporter.frontend.recurrent.series.values import (
    Array,
    Shape,
    Value,
    When,
    joined,
    known,
)

_DEEPEST = 8  # bodies inside of each other


class Walk:
    """One way to read the graph, in which certain axes of its inputs are time.

    length       the number of steps
    copies       1, or `length` to keep every step apart, for an unrolled sequence
    kinds        the rules of nodes that keep a state, by their operators
    work         what all readings of the file may still cost
    recurrences  the states found so far
    found        what was found, by kind: how many there are
    picked       steps of unrolled series that were taken out of them
    rounds       how many steps each recurrence runs over, those that are refused as well
    depth        loops around the node that is walked
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        path: Path,
        length: int,
        copies: int,
        kinds: Mapping[str, Callable[[Walk, Call], list[Value]]],
        work: Work,
    ) -> None:
        self.model, self.path, self.length, self.copies = model, path, length, copies
        self._kinds, self.work = kinds, work
        ports = (*model.graph.input, *model.graph.output)
        kind = model.graph.input[0].type.tensor_type.elem_type
        self.nodes = StepNodes(kind, {port.name for port in ports})
        self.reader = Reader(path, list(model.opset_import), {}, {}, Recogniser({}, ()))
        self.recurrences: list[Recurrence] = []
        self.found: dict[str, int] = {}
        self.picked: set[int] = set()
        self.rounds: list[int] = []
        self.depth, self._nested = 0, 0

    def count(self, kind: str) -> None:
        """One more recurrence of a kind has been found, not counting those inside of a body."""
        if not self.depth:
            self.found[kind] = self.found.get(kind, 0) + 1

    def initial(self, call: Call, given: Value, when: When) -> str:
        """The tensor that a state of the step starts from.

        Raises `ElegansError` if that is a constant other than 0, or not known before the first
        step of a series.
        """
        if given.array is not None:
            raise call.error(
                "starts from a state that is not 0, and the device starts from 0",
                "train it with an initial state of 0, or make the state an input and an output",
            )
        if when is When.SERIES and given.when is not When.STEADY:
            fact = "starts from a state that other steps have computed, as a decoder does"
            raise call.error(fact)
        return given.names[0]

    def run(self, inputs: Scope, constants: Scope) -> Scope:
        """Walk the whole graph; returns its tensors by name. Raises `ElegansError`."""
        scope = {**constants, **inputs}
        for number, node in enumerate(self.model.graph.node):
            name = node.name or (node.output[0] if node.output else "")
            self._node(f"{self.path}, node {number} ({node.op_type} {name!r:.80})", node, scope)
        return scope

    def body(
        self,
        call: Call,
        graph: onnx.GraphProto,
        inputs: list[Value],
        made: Mapping[str, Value] | None = None,
        rounds: bool = True,
    ) -> list[Value]:
        """Walk a body with these inputs; returns its outputs.

        made    tensors of the body that are known without its nodes
        rounds  whether it is that of a loop; a branch belongs to the graph around it
        """
        made = made or {}
        if self._nested >= _DEEPEST:
            raise call.error(f"has bodies more than {_DEEPEST} deep")
        scope = call.scope | constants(graph, self.path)
        scope |= {port.name: v for port, v in zip(graph.input, inputs, strict=True)}
        scope |= made
        self._nested += 1
        self.depth += rounds
        for node in graph.node:
            if made and all(name in made for name in node.output):
                continue
            place = f"{call.place}, in its body {node.op_type} {node.name or node.output[:1]!r:.60}"
            self._node(place, node, scope)
        self._nested -= 1
        self.depth -= rounds
        return [value_of(call.place, scope, port.name) for port in graph.output]

    def _node(self, place: str, node: onnx.NodeProto, scope: Scope) -> None:
        """Add what one step has of a node, and the values of its outputs to the scope.

        Raises `ElegansError` for what no step can compute.
        """
        self.work.spend(place)
        inputs = tuple(value_of(place, scope, name) if name else None for name in node.input)
        given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        call = Call(place, node, inputs, given, scope)
        try:
            outputs = self._outputs(call)
        except MISFITS as error:
            raise call.error(
                f"does not fit its inputs ({error!r:.80})", "export the model again"
            ) from None
        scope.update({n: v for n, v in zip(node.output, outputs, strict=False) if n})

    def _outputs(self, call: Call) -> list[Value]:
        node, operator, present = call.node, call.node.op_type, call.present
        if operator in self._kinds:
            return self._kinds[operator](self, call)
        if any(v.items for v in present):
            return self._appended(call)
        if operator in ("Shape", "Size"):
            shape = np.array(present[0].shape, np.int64)
            size = np.array(math.prod(present[0].shape), np.int64)
            ends = slice(call.given.get("start", 0), call.given.get("end"))
            return [known(shape[ends] if operator == "Shape" else size)]
        if operator == "Identity":
            return [present[0]]
        if all(v.array is not None for v in present) and operator in FOLDABLE:
            return self._folded(call)
        if any(a.type in (a.GRAPH, a.GRAPHS) for a in node.attribute):
            raise call.error("runs a subgraph that depends on data")
        if self.copies > 1 and operator == "Concat" and len(present) == self.length:
            gathered = self._gathered(call)
            if gathered is not None:
                return [gathered]
        when = joined(call.place, present)
        if operator in MOVING and any(v.axis is not None for v in present):
            moved = sum(math.prod(v.shape) for v in present)
            self.work.spend(call.place, elements=4 * moved)
            movement = Movement(self.reader, self.nodes, call.place, node, self.length)
            outputs = movement.outputs(list(call.inputs), self.copies)
            self.picked |= movement.picked
            return outputs
        if any(v.over is not None for v in present):
            raise call.error("computes with the number of the step")
        return self._copied(call, when)

    def _gathered(self, call: Call) -> Value | None:
        """What each unrolled step gives, put side by side: a series again."""
        first, axis = call.present[0], call.given["axis"] % len(call.present[0].shape)
        alike = all(v.when is When.NOW and v.shape == first.shape for v in call.present)
        if not alike or first.shape[axis] != 1:
            return None
        shape = tuple(self.length if n == axis else s for n, s in enumerate(first.shape))
        names = tuple(v.names[0] for v in call.present)
        return Value(shape, first.kind, names, When.SERIES, axis)

    def _appended(self, call: Call) -> list[Value]:
        """A Concat to an empty tensor, which a loop makes grow by one step in each round."""
        first, *others = call.inputs
        new = others[0] if others else None
        single = call.node.op_type == "Concat" and len(others) == 1
        if first is None or new is None or not single or not first.items or first.names:
            raise call.error("uses a list otherwise than to append to its end")
        axis = call.given["axis"] % len(new.shape)
        return [Value(new.shape, new.kind, (self.nodes.name_of(new),), new.when, axis, items=True)]

    def _folded(self, call: Call) -> list[Value]:
        arrays = {n: v.array for n, v in zip(call.node.input, call.inputs, strict=True) if v}
        results = [np.asarray(r) for r in self.reader.evaluate(call.place, call.node, arrays)]
        self.work.spend(call.place, elements=sum(array.size for array in results))
        return [known(array) for array in results]

    def _copied(self, call: Call, when: When) -> list[Value]:
        """The node with the tensors of a step, once for each unrolled step of a series."""
        node = call.node
        types = self._types(call)
        shape = _shape(types.get(node.output[0]))
        axis = None
        if when is When.SERIES:
            axis = time_axis(call.place, node, list(call.inputs), dict(call.given), len(shape))
        inputs = [
            None if v is None else self._at_one_step(call, v, axis, shape) for v in call.inputs
        ]
        names = [
            self.nodes.copy(
                node, ["" if v is None else self.nodes.name_of(v, copy) for v in inputs]
            )
            for copy in range(self.copies if when is When.SERIES else 1)
        ]
        return [
            Value(_shape(types.get(name)), _kind(types.get(name)), of_copies, when, axis)
            for name, of_copies in zip(node.output, zip(*names, strict=True), strict=True)
        ]

    def _at_one_step(self, call: Call, value: Value, axis: int | None, shape: Shape) -> Value:
        """A constant that is broadcast along the axis of time, with an axis of length 1."""
        at = -1 if axis is None else axis - (len(shape) - len(value.shape))
        if value.when is not When.STEADY or at < 0 or value.shape[at] == 1:
            return value
        if call.node.op_type in ("MatMul", "Gemm") or value.shape[at] != self.length:
            return value
        first = None if value.array is None else np.take(value.array, [0], at)
        if first is None or np.any(value.array != first):
            raise call.error("has other numbers at each step, as an encoding of the position has")
        return known(first, value.kind)

    def _types(self, call: Call) -> dict[str, onnx.TypeProto]:
        """The types and shapes of a node's outputs in the whole graph."""
        node, named = call.node, dict(zip(call.node.input, call.inputs, strict=True))
        version = max(o.version for o in self.reader.opsets if o.domain in ("", "ai.onnx"))
        if not onnx.defs.has(node.op_type, node.domain):
            raise call.error(f"is an operator of {node.domain or 'ONNX'!r:.60} that ONNX lacks")
        schema = onnx.defs.get_schema(node.op_type, version, node.domain)
        present = {name: value for name, value in named.items() if value is not None}
        return shape_inference.infer_node_outputs(
            schema,
            node,
            {n: helper.make_tensor_type_proto(v.kind, v.shape) for n, v in present.items()},
            {n: numpy_helper.from_array(v.array, n) for n, v in present.items() if _small(v.array)},
            opset_imports=self.reader.opsets,
        )


def _small(array: Array | None) -> bool:
    return array is not None and array.ndim <= 1 and array.size <= 64


def _shape(found: onnx.TypeProto | None) -> Shape:
    """Raises ValueError if the shape is not known."""
    if found is None or not found.tensor_type.HasField("shape"):
        return ()
    dims = found.tensor_type.shape.dim
    if not all(d.HasField("dim_value") for d in dims):
        raise ValueError("its result has no fixed shape")
    return tuple(d.dim_value for d in dims)


def _kind(found: onnx.TypeProto | None) -> int:
    return found.tensor_type.elem_type if found is not None else onnx.TensorProto.FLOAT
