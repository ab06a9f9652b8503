"""The rules of ONNX's operators that multiply by a matrix."""

from __future__ import annotations

import math

import numpy as np
import onnx
from scipy import sparse

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.general.contractions import contracted, matmul
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import WIDEST, Attributes, Outputs, Rule, broadcast
from elegans.exporter.ir.affine import Affine, Form, Matrix

Shape = tuple[int, ...]
_MOST_PRODUCTS = 1 << 26  # weights of a matrix, times the vectors that one node multiplies by it


def _matmul(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    """A constant matrix times columns, or rows times one; a Kronecker product does them all."""
    left, right = node.input
    if left in reader.matrices or (left in reader.constants and right not in reader.constants):
        if left in reader.constants and reader.constants[left].ndim != 2:
            return [matmul(reader, place, node)]
        matrix, (form, shape) = reader.matrix(place, left), reader.affine(place, right)
        rows, columns = matrix.shape
        if shape[-2:-1] != (columns,) and shape != (columns,):
            raise ValueError(f"{list(matrix.shape)} times {list(shape)}")
        others = form.size // columns
        _require_narrow(place, others, rows, matrix)
        if others != math.prod(shape[-1:] if len(shape) > 1 else ()):
            raise ValueError("a batch of matrices")
        whole = sparse.kron(sparse.csr_array(matrix), sparse.eye_array(others), format="csr")
        tail = shape[-1:] if len(shape) > 1 else ()
        return [ShapedForm(Form(form.times(whole), {}), (*shape[:-2], rows, *tail))]
    if right not in reader.matrices and right not in reader.constants:
        return [matmul(reader, place, node)]
    form, shape = reader.affine(place, left)
    if left not in reader.constants and reader.constants.get(right, np.zeros((1, 1))).ndim != 2:
        return [matmul(reader, place, node)]
    matrix = reader.matrix(place, right)
    _require_narrow(place, form.size // max(matrix.shape[0], 1), matrix.shape[1], matrix)
    return [_vectors_times(form, shape, matrix)]


def _require_narrow(place: str, count: int, rows: int, matrix: Matrix) -> None:
    """Refuse to apply a matrix so many times that the result is too wide."""
    if count * rows > WIDEST or count * matrix.size > _MOST_PRODUCTS:
        fact = f"multiplies {count} vectors by a matrix of {list(matrix.shape)}"
        raise ElegansError(place, fact, "export a smaller network")


def _vectors_times(form: Affine, shape: Shape, matrix: Matrix) -> ShapedForm:
    """Row vectors [..., columns] times a constant matrix [columns, rows]."""
    columns, rows = matrix.shape
    if not shape or shape[-1] != columns:
        raise ValueError(f"{list(shape)} times {list(matrix.shape)}")
    one = sparse.csr_array(matrix.T)
    count = form.size // columns
    whole = one if count == 1 else sparse.kron(sparse.eye_array(count), one, format="csr")
    return ShapedForm(Form(form.times(whole), {}), (*shape[:-1], rows))


def _gemm(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    turned = bool(given.get("transA")), bool(given.get("transB"))
    left, right = node.input[:2]
    if right in reader.constants or right in reader.matrices:
        result = _turned_times(reader, place, left, turned[0], right, turned[1])
    elif left in reader.constants or left in reader.matrices:
        # A B is the transpose of B' A'.
        other = _turned_times(reader, place, right, not turned[1], left, not turned[0])
        order = np.arange(other.size).reshape(other.shape).T.reshape(-1)
        result = ShapedForm(Form(other.form.affine.pick(order), {}), other.shape[::-1])
    else:
        labels = ["km" if turned[0] else "mk", "nk" if turned[1] else "kn"]
        result = contracted(reader, place, [left, right], labels, "mn")
    alpha = np.array([given.get("alpha", 1.0)])
    result = ShapedForm(result.form.scaled(alpha), result.shape)
    if len(node.input) > 2 and node.input[2]:
        bias = reader.tensor(node.input[2])
        (sums, more), shape = broadcast(reader, place, result, bias)
        result = ShapedForm(sums.plus(more.scaled(np.array([given.get("beta", 1.0)]))), shape)
    return [result]


def _turned_times(
    reader: Reader, place: str, left: str, turned_left: bool, right: str, turned_right: bool
) -> ShapedForm:
    """A matrix times a constant one, each transposed if it is `turned`."""
    matrix = reader.matrix(place, right)
    matrix = matrix.T if turned_right else matrix
    form, shape = reader.affine(place, left)
    if turned_left:
        form, shape = form.pick(np.arange(form.size).reshape(shape).T.reshape(-1)), shape[::-1]
    _require_narrow(place, form.size // max(matrix.shape[0], 1), matrix.shape[1], matrix)
    return _vectors_times(form, shape, matrix)


def _batch_norm(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """(x - mean) / sqrt(variance + epsilon) scale + shift, channel by channel."""
    if given.get("training_mode"):
        raise ElegansError(place, "is in training mode", "call eval() before exporting")
    form, shape = reader.affine(place, node.input[0])
    spread = (1, -1, *(1 for _ in shape[2:]))
    scale, shift, mean, variance = (
        np.broadcast_to(reader.constants[name].reshape(spread), shape).reshape(-1)
        for name in node.input[1:5]
    )
    gain = scale / np.sqrt(variance.astype(np.float64) + given.get("epsilon", 1e-5))
    value = form.scaled(gain).plus(Affine.constant(shift - mean * gain))
    return [ShapedForm(Form(value, {}), shape)]


MATRIX_RULES: dict[str, Rule] = {
    "MatMul": _matmul,
    "Gemm": _gemm,
    "BatchNormalization": _batch_norm,
}
