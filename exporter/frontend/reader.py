"""The values of an ONNX graph while it is read: constants as arrays, all others as forms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend import open_file
from elegans.exporter.frontend.recognise_cells import Atoms
from elegans.exporter.ir.affine import Affine, Form, Matrix
from elegans.exporter.numbers.fixed import Reals

_LARGEST = 1 << 26

# What is known at export must come from these: all of them are deterministic and bounded.
_FOLDABLE = frozenset(
    (
        *("Abs", "Add", "Cast", "Ceil", "Clip", "Concat", "Constant", "ConstantOfShape", "Div"),
        *("Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather", "Gemm", "Greater"),
        *("Identity", "Less", "Log", "MatMul", "Max", "Min", "Mul", "Neg", "Not", "Pow", "Range"),
        *("Reciprocal", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "Relu"),
        *("Reshape", "Shape", "Sigmoid", "Sign", "Size", "Slice", "Softplus", "Split", "Sqrt"),
        *("Squeeze", "Sub", "Sum", "Tanh", "Tile", "Transpose", "Unsqueeze", "Where"),
    )
)


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the graph: the form of its elements in their order, and its shape."""

    form: Form
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return self.form.size


class Reader:
    """The values of the graph so far."""

    def __init__(
        self,
        path: Path,
        opsets: list[onnx.OperatorSetIdProto],
        constants: dict[str, Reals],
        matrices: dict[str, Matrix],
    ) -> None:
        self.path = path
        self.opsets = opsets
        self.constants = constants
        self.matrices = matrices  # those that the file keeps sparse
        self.values: dict[str, Value] = {}
        self.atoms = Atoms({})

    def fold(self, place: str, node: onnx.NodeProto) -> bool:
        """Evaluate a node of constants alone, once and for all; False if it is not one."""
        if node.op_type == "Shape" and node.input[0] in self.values:
            shape: Any = np.array(self.values[node.input[0]].shape, np.int64)
            ends = {a.name: a.i for a in node.attribute}
            self.constants[node.output[0]] = shape[ends.get("start", 0) : ends.get("end")]
            return True
        if not all(name in self.constants for name in node.input if name):
            return False
        inputs = {name: self.constants[name] for name in node.input if name}
        if node.op_type not in _FOLDABLE:
            raise ElegansError(place, "cannot be folded", "fold the constants before exporting")
        self._check_size(place, node, inputs)
        for name, value in zip(node.output, self.evaluate(place, node, inputs), strict=True):
            self.constants[name] = open_file.finite(np.asarray(value), place)
        return True

    def evaluate(self, place: str, node: onnx.NodeProto, inputs: dict[str, Any]) -> list[Any]:
        """The node on arrays, as ONNX's own reference runs it in this file's opset."""
        ports = [
            onnx.helper.make_tensor_value_info(
                name, onnx.helper.np_dtype_to_tensor_dtype(value.dtype), None
            )
            for name, value in inputs.items()
        ]
        outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in node.output]
        graph = onnx.helper.make_graph([node], "node", ports, outputs)
        model = onnx.helper.make_model(graph, opset_imports=self.opsets)
        try:
            return list(ReferenceEvaluator(model).run(None, inputs))
        except Exception as error:  # numpy's and onnx's own, of any kind
            raise ElegansError(
                place, f"does not fit its inputs ({error!r:.80})", "export the model again"
            ) from None

    def value(self, name: str) -> Value:
        """A tensor, constant or not. Raises KeyError for one that nothing has made yet."""
        if name not in self.constants:
            return self.values[name]
        array = self.constants[name]
        if array.size > _LARGEST:
            raise ValueError(f"{name!r} has {array.size} elements")
        return Value(Form.constant(array.reshape(-1)), array.shape)

    def affine(self, place: str, name: str) -> tuple[Affine, tuple[int, ...]]:
        """A tensor as an affine form, with its shape."""
        value = self.value(name)
        return self.atoms.affine(place, value.form), value.shape

    def matrix(self, place: str, name: str) -> Matrix:
        """A constant matrix. Raises ValueError for a constant of another rank."""
        if name in self.matrices:
            return self.matrices[name]
        matrix = self.constants.get(name)
        if matrix is None:
            raise ElegansError(
                place,
                f"multiplies by {name!r}, which is not constant",
                "elegans needs fixed weights",
            )
        if matrix.ndim != 2:
            raise ValueError(f"{name!r} of shape {list(matrix.shape)} is no matrix")
        return matrix

    @staticmethod
    def _check_size(place: str, node: onnx.NodeProto, inputs: dict[str, Reals]) -> None:
        """Refuse what would not fit: the broadcast inputs, or a shape that is asked for."""
        rank = max((a.ndim for a in inputs.values()), default=0)
        dims = np.ones(rank)
        for a in inputs.values():
            dims[rank - a.ndim :] = np.maximum(dims[rank - a.ndim :], a.shape)
        size = float(np.prod(dims)) * max(1, len(inputs))
        asked = list(inputs.values())[-1:] if node.op_type in ("ConstantOfShape", "Expand") else []
        if node.op_type == "Range":
            start, limit, step = (float(a) for a in inputs.values())
            size = abs((limit - start) / step) if step else np.inf
        if node.op_type == "Tile":
            size *= float(np.prod(list(inputs.values())[-1].astype(np.float64)))
        for shape in asked:
            size = max(size, float(np.prod(np.maximum(shape.astype(np.float64), 1))))
        if not size <= _LARGEST:
            raise ElegansError(place, "makes too large a constant", "fold it before exporting")
