"""The tensors of an ONNX graph while it is read: constants as arrays, all others as forms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from elegans.exporter.atoms.recogniser import Recogniser
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend import tensors
from elegans.exporter.frontend.folding.operators import FOLDABLE, result_size
from elegans.exporter.ir.affine import Affine, Form, Matrix
from elegans.exporter.ir.spans import Span
from elegans.exporter.numbers.fixed import Reals

# Limits on files that are not trusted.
_LARGEST = 1 << 26  # elements of all tensors that nodes make: half a GiB of float64
_MOST_PRODUCTS = 1 << 32  # products of all constant matrices


@dataclass(frozen=True, eq=False)
class ShapedForm:
    """A tensor of the graph: the normal form of its elements, row by row, and its shape."""

    form: Form
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.form.size


class Reader:
    """The tensors of the nodes read so far, by name.

    opsets     the operator sets of the file, in which nodes are evaluated
    constants  tensors with known elements, as arrays
    matrices   constants that the file stores as sparse tensors
    tensors    all other tensors
    atoms      the atoms that the forms refer to
    compared   by the name of a comparison z > limit with a constant: z, and the least limit
    whole      the names of tensors that are whole numbers: comparisons, and what is rounded
    ranges     of inputs, as far as they are declared; where there is none, it is infinite
    spans      of all vectors, as far as they have been asked for
    """

    def __init__(
        self,
        path: Path,
        opsets: list[onnx.OperatorSetIdProto],
        constants: dict[str, Reals],
        matrices: dict[str, Matrix],
        atoms: Recogniser,
    ) -> None:
        self.ranges: dict[str, Span] = {}
        self.spans: dict[str, Span] = {}
        self.path = path
        self._left, self._entries_left = _LARGEST, 2 * _LARGEST
        self._products_left = float(_MOST_PRODUCTS)
        self.opsets = opsets
        self.constants = constants
        self.matrices = matrices
        self.tensors: dict[str, ShapedForm] = {}
        self.atoms = atoms
        self.compared: dict[str, tuple[Affine, float]] = {}
        self.whole: set[str] = set()

    def fold(self, place: str, node: onnx.NodeProto) -> bool:
        """Evaluate a node whose inputs are all constant; False if they are not.

        Raises `ElegansError` if its operator cannot be folded, or its result is too large.
        """
        if node.op_type in ("Shape", "Size") and node.input[0] in self.tensors:
            shape: Any = np.array(self.tensors[node.input[0]].shape, np.int64)
            ends = {a.name: a.i for a in node.attribute}
            found = shape[ends.get("start", 0) : ends.get("end")]
            self.constants[node.output[0]] = found.prod() if node.op_type == "Size" else found
            return True
        if not all(name in self.constants for name in node.input if name):
            return False
        kinds = [a.i for a in node.attribute if a.name == "to" and node.op_type == "Cast"]
        if onnx.TensorProto.STRING in kinds:
            raise ElegansError(place, "makes text of numbers", "remove it")
        inputs = {name: self.constants[name] for name in node.input if name}
        if node.op_type not in FOLDABLE:
            remedy = "compute the constant before exporting"
            raise ElegansError(place, "has only constant inputs, and cannot be folded", remedy)
        for name, value in zip(node.output, self.evaluate(place, node, inputs), strict=True):
            array = np.asarray(value)
            array = array.astype(np.float64) if array.dtype.name == "bfloat16" else array
            if array.dtype.kind not in "fiub":
                raise ElegansError(place, f"makes {array.dtype!s:.40}, no numbers", "remove it")
            self.spend(place, array.size)
            self.constants[name] = tensors.finite(array, place)
        return True

    def spend(self, place: str, elements: int) -> None:
        """Count what the nodes of the graph have made of it. Raises `ElegansError` if that is too
        much for any network of a microcontroller."""
        self._left -= elements
        self._require(place)

    def spend_form(self, place: str, tensor: ShapedForm) -> None:
        """Count the numbers of a form that a node has made, as `spend` does."""
        affines = (tensor.form.affine, *tensor.form.products.values())
        entries = sum(matrix.nnz for a in affines for matrix in a.terms.values())
        self._entries_left -= tensor.size + entries
        self._require(place)

    def _require(self, place: str) -> None:
        if min(self._left, self._entries_left) < 0:
            raise ElegansError(place, "makes too large a constant", "export a smaller network")

    def evaluate(self, place: str, node: onnx.NodeProto, inputs: dict[str, Any]) -> list[Any]:
        """The outputs of a node for arrays, by ONNX's reference implementation.

        Raises `ElegansError` if the inputs do not fit the operator, or before it is computed if
        its result would be too large.
        """
        arrays = [np.asarray(inputs[name]) for name in node.input if name]
        size, products = result_size(node, arrays)
        self._products_left -= products
        if not (size <= self._left and self._products_left >= 0):
            raise ElegansError(place, "makes too large a constant", "export a smaller network")
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

    def tensor(self, name: str) -> ShapedForm:
        """A tensor, constant or not. Raises KeyError if no earlier node computes it."""
        if name not in self.constants:
            return self.tensors[name]
        array = self.constants[name]
        if array.size > _LARGEST:
            raise ValueError(f"{name!r} has {array.size} elements")
        return ShapedForm(Form.constant(array.reshape(-1)), array.shape)

    def affine(self, place: str, name: str) -> tuple[Affine, tuple[int, ...]]:
        """A tensor in affine form, its products become atoms, and its shape."""
        tensor = self.tensor(name)
        return self.atoms.affine(place, tensor.form), tensor.shape

    def matrix(self, place: str, name: str) -> Matrix:
        """A constant matrix, dense or sparse.

        Raises `ElegansError` if the tensor is not constant, ValueError if it is not a matrix.
        """
        if name in self.matrices:
            return self.matrices[name]
        matrix = self.constants.get(name)
        if matrix is None:
            raise ElegansError(
                place,
                f"multiplies by {name!r}, which is not constant",
                "use constant weights",
            )
        if matrix.ndim != 2:
            raise ValueError(f"{name!r} of shape {list(matrix.shape)} is not a matrix")
        return matrix
