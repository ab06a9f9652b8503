"""The nodes of a step graph while they are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.recurrent.series.values import ONE_STEP, Array, Shape, Value

_MOST_NODES = 50_000


class StepNodes:
    """Nodes and constants, with names that no other tensor has.

    kind      the type of floats, as TensorProto has it
    reserved  names that the step graph's ports have
    """

    def __init__(self, kind: int, reserved: set[str]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.held: dict[str, onnx.TensorProto] = {}
        self.kind = kind
        self._taken = set(reserved)
        self._counts: dict[str, int] = {}
        self._constants: dict[Value, str] = {}

    def fresh(self, base: str) -> str:
        """A name that no tensor has yet, made of `base`."""
        name = base
        while name in self._taken:
            self._counts[base] = self._counts.get(base, 0) + 1
            name = f"{base}_{self._counts[base]}"
        self._taken.add(name)
        return name

    def constant(self, array: Array, base: str = "constant", kind: int | None = None) -> str:
        """A constant of the step graph; floats get the graph's own type unless `kind` is given."""
        floats = array.dtype.kind == "f"
        dtype = helper.tensor_dtype_to_np_dtype(kind or self.kind) if floats else array.dtype
        name = self.fresh(base)
        self.held[name] = numpy_helper.from_array(np.asarray(array, dtype), name)
        return name

    def add(self, operator: str, *inputs: str, base: str = "", **attributes: Any) -> str:
        """Add a node of one output; returns its name."""
        name = self.fresh(base or operator.lower())
        self._append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def copy(self, node: onnx.NodeProto, inputs: list[str]) -> list[str]:
        """Add a node of the whole graph with other inputs; returns the names of its outputs."""
        copied = onnx.NodeProto()
        copied.CopyFrom(node)
        names = [self.fresh(name) if name else "" for name in node.output]
        del copied.input[:], copied.output[:]
        copied.input.extend(inputs)
        copied.output.extend(names)
        self._append(copied)
        return names

    def shaped(self, name: str, shape: Shape) -> str:
        """The tensor in another shape of as many elements."""
        return self.add("Reshape", name, self.constant(np.array(shape, np.int64), "shape"))

    def rename(self, name: str, other: str) -> str:
        """Let all nodes that read one tensor read another one, which is returned."""
        for node in self.nodes:
            for at, read in enumerate(node.input):
                if read == name:
                    node.input[at] = other
        return other

    def name_of(self, value: Value, copy: int = 0) -> str:
        """The tensor of a value, a constant if its elements are known."""
        if value.array is None:
            return value.at(copy)
        if value not in self._constants:
            self._constants[value] = self.constant(value.array, kind=value.kind)
        return self._constants[value]

    def _append(self, node: onnx.NodeProto) -> None:
        self.nodes.append(node)
        if len(self.nodes) > _MOST_NODES:
            fact = f"takes more than {_MOST_NODES} nodes"
            raise ElegansError("the step of the sequence", fact, ONE_STEP)
