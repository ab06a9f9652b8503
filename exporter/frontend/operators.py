"""How a tensor's normal form passes through each ONNX operator: the table is `RULES`.

What is not in the table is not read; adding an operator is adding its row. What only
moves elements is executed on their numbers instead of on them (`_moved`), and what is
linear on a basis (`_linear`), both by ONNX's own reference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from scipy import sparse

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.reader import Reader, Value
from elegans.exporter.frontend.recognise_cells import PER_DT
from elegans.exporter.ir.affine import Affine, Form, Matrix, product
from elegans.exporter.ir.real_network import DT

Rule = Callable[[Reader, str, onnx.NodeProto, dict[str, Any]], list[Value]]

_WIDEST = 1 << 22


def _broadcast(reader: Reader, place: str, *values: Value) -> tuple[list[Form], tuple[int, ...]]:
    """The forms of several tensors, spread over their common shape."""
    shape = np.broadcast_shapes(*(v.shape for v in values))
    if math.prod(shape) > _WIDEST:
        raise ElegansError(place, f"makes the shape {list(shape)}", "export a smaller network")
    forms = []
    for value in values:
        rows = np.broadcast_to(np.arange(value.size).reshape(value.shape), shape).reshape(-1)
        if np.array_equal(rows, np.arange(value.size)):
            forms.append(value.form)
            continue
        spread = value.form.pick(rows)
        if spread is None:  # a product of vectors becomes one of its own before it is repeated
            spread = Form(reader.atoms.affine(place, value.form).pick(rows), {})
        forms.append(spread)
    return forms, shape


def _two(reader: Reader, place: str, node: onnx.NodeProto) -> tuple[Form, Form, tuple[int, ...]]:
    (a, b), shape = _broadcast(reader, place, *(reader.value(name) for name in node.input))
    return a, b, shape


def _sum(sign: float) -> Rule:
    def rule(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
        a, b, shape = _two(reader, place, node)
        halves = a.products and b.products  # of one gate, perhaps; an Euler step is whole
        if not halves or set(a.products) == set(b.products) == {DT}:
            a, b = reader.atoms.settled(a), reader.atoms.settled(b)
        return [Value(a.plus(b.scaled(np.array([sign]))), shape)]

    return rule


def _total(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
    forms, shape = _broadcast(reader, place, *(reader.value(name) for name in node.input))
    total = forms[0]
    for form in forms[1:]:
        total = total.plus(form)
    return [Value(total, shape)]


def _negate(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
    value = reader.value(node.input[0])
    return [Value(reader.atoms.settled(value.form).scaled(np.array([-1.0])), value.shape)]


def _multiply(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
    a, b, shape = _two(reader, place, node)
    for one, other in ((a, b), (b, a)):
        if other.is_constant:
            return [Value(reader.atoms.settled(one).scaled(other.affine.bias), shape)]
    atoms = reader.atoms
    form = product(atoms.affine(place, a), atoms.affine(place, b), atoms.is_gate)
    if form is None:
        raise ElegansError(
            place,
            "multiplies two vectors of which neither is a gate in [0, 1] nor elapsed time",
            "use the cells of LTC, CfC, CTRNN, GRU or LSTM",
        )
    return [Value(form, shape)]


def _divide(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
    over, under, shape = _two(reader, place, node)
    if under.is_constant:
        if not np.all(under.affine.bias):
            raise ElegansError(place, "divides by zero", "mend the constant")
        return [Value(reader.atoms.settled(over).over(under.affine.bias), shape)]
    return [Value(_quotient(reader, place, over, under), shape)]


def _reciprocal(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
    value = reader.value(node.input[0])
    one = Form.constant(np.ones(value.size))
    return [Value(_quotient(reader, place, one, value.form), value.shape)]


def _quotient(reader: Reader, place: str, over: Form, under: Form) -> Form:
    found = under.affine.factor() if not under.products else None
    if over.is_constant and found is not None and found[0] == DT and not np.any(under.affine.bias):
        per_dt = reader.atoms.of(PER_DT).pick(np.zeros(over.size, np.int64))
        return Form(per_dt.scaled(over.affine.bias / found[1]), {})
    return reader.atoms.quotient(place, over, under)


def _matmul(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
    left, right = node.input
    if left in reader.matrices or (left in reader.constants and right not in reader.constants):
        matrix, (form, shape) = reader.matrix(place, left), reader.affine(place, right)
        rows, columns = matrix.shape
        if shape[-2:-1] != (columns,) and shape != (columns,):
            raise ValueError(f"{list(matrix.shape)} times {list(shape)}")
        others = form.size // columns
        if others != math.prod(shape[-1:] if len(shape) > 1 else ()):
            raise ValueError("a batch of matrices")
        whole = sparse.kron(sparse.csr_array(matrix), sparse.eye_array(others), format="csr")
        tail = shape[-1:] if len(shape) > 1 else ()
        return [Value(Form(form.times(whole), {}), (*shape[:-2], rows, *tail))]
    form, shape = reader.affine(place, left)
    return [_times(form, shape, reader.matrix(place, right))]


def _times(form: Affine, shape: tuple[int, ...], matrix: Matrix) -> Value:
    """Row vectors, one or several, times a constant matrix."""
    columns, rows = matrix.shape
    if not shape or shape[-1] != columns:
        raise ValueError(f"{list(shape)} times {list(matrix.shape)}")
    one = sparse.csr_array(matrix.T)
    count = form.size // columns
    whole = one if count == 1 else sparse.kron(sparse.eye_array(count), one, format="csr")
    return Value(Form(form.times(whole), {}), (*shape[:-1], rows))


def _gemm(reader: Reader, place: str, node: onnx.NodeProto, given: dict[str, Any]) -> list[Value]:
    if given.get("transA", 0):
        raise ElegansError(place, "transposes its input", "export a row vector times a matrix")
    matrix = reader.matrix(place, node.input[1])
    matrix = (matrix.T if given.get("transB", 0) else matrix) * given.get("alpha", 1.0)
    form, shape = reader.affine(place, node.input[0])
    result = _times(form, shape, matrix)
    if len(node.input) > 2 and node.input[2]:
        bias = reader.value(node.input[2])
        (sums, more), shape = _broadcast(reader, place, result, bias)
        result = Value(sums.plus(more.scaled(np.array([given.get("beta", 1.0)]))), shape)
    return [result]


def _activation(function: str) -> Rule:
    def rule(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
        value = reader.value(node.input[0])
        return [Value(reader.atoms.activate(place, function, value.form), value.shape)]

    return rule


def _exp(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
    value = reader.value(node.input[0])
    return [Value(reader.atoms.decay(place, value.form), value.shape)]


def _abs(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
    """|x|, with x a vector of its own: CfC's pure mode reads both."""
    form, shape = reader.affine(place, node.input[0])
    x = Value(reader.atoms.form(reader.atoms.map(form)), shape)
    reader.values[node.input[0]] = x
    return [Value(reader.atoms.activate(place, "abs", x.form), shape)]


def _phi(reader: Reader, place: str, x: Affine) -> Form:
    """The normal distribution's Phi(x), with x a vector of its own: gelu reads both."""
    return reader.atoms.activate(place, "normal_cdf", reader.atoms.form(reader.atoms.map(x)))


def _erf(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
    """erf(z) = 2 Phi(sqrt(2) z) - 1."""
    form, shape = reader.affine(place, node.input[0])
    phi = _phi(reader, place, form.scaled(np.array([math.sqrt(2.0)])))
    one = Form.constant(np.full(form.size, -1.0))
    return [Value(phi.scaled(np.array([2.0])).plus(one), shape)]


def _gelu(reader: Reader, place: str, node: onnx.NodeProto, given: dict[str, Any]) -> list[Value]:
    """gelu(x) = x Phi(x) (Hendrycks and Gimpel, 2016)."""
    if given.get("approximate", b"none") != b"none":
        raise ElegansError(place, "approximates gelu by tanh", "use the exact gelu, or silu")
    x, shape = reader.affine(place, node.input[0])
    form = product(x, _phi(reader, place, x).affine, reader.atoms.is_gate)
    assert form is not None
    return [Value(form, shape)]


def _moved(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Value]:
    """What only moves, repeats or drops elements, found by moving their numbers."""
    data = list(node.input) if node.op_type == "Concat" else [node.input[0]]
    start, forms = 0, []
    inputs: dict[str, Any] = {}
    for name in dict.fromkeys(data):
        value = reader.value(name)
        inputs[name] = np.arange(start, start + value.size).reshape(value.shape)
        forms.append(value.form)
        start += value.size
    for name in node.input[len(data) :]:
        if name and name not in reader.constants:
            raise ElegansError(place, f"input {name!r} is not constant", "export fixed shapes")
        if name:
            inputs[name] = reader.constants[name]
    places = reader.evaluate(place, node, inputs)
    if any(np.asarray(p).size > _WIDEST or not np.asarray(p).size for p in places):
        raise ElegansError(place, "takes nothing, or far too much", "export a smaller network")
    whole = forms[0] if len(forms) == 1 else None
    joined = None
    results = []
    for moved in places:
        rows = np.asarray(moved, dtype=np.int64).reshape(-1)
        unmoved = whole is not None and np.array_equal(rows, np.arange(whole.size))
        form = whole if unmoved or whole is None else whole.pick(rows)
        if form is None:
            joined = joined or Affine.joined([reader.atoms.affine(place, f) for f in forms])
            form = Form(joined.pick(rows), {})
        results.append(Value(form, np.shape(moved)))
    return results


def _linear(reader: Reader, place: str, node: onnx.NodeProto, given: dict[str, Any]) -> list[Value]:
    """What is linear along all axes but the first: found by what it does to a basis."""
    form, shape = reader.affine(place, node.input[0])
    if len(shape) < 2 or shape[0] != 1:
        raise ElegansError(place, f"works on the shape {list(shape)}", "export a batch of 1")
    if form.size > 4096 or given.get("training_mode"):
        raise ElegansError(place, f"works on {form.size} elements", "export a smaller window")
    fixed = {name: reader.constants[name] for name in node.input[1:] if name}
    basis = np.concatenate([np.zeros((1, form.size)), np.eye(form.size)])
    inputs = {node.input[0]: basis.reshape(-1, *shape[1:])} | fixed
    result = np.asarray(reader.evaluate(place, node, inputs)[0], dtype=np.float64)
    flat = result.reshape(form.size + 1, -1)
    matrix = sparse.csr_array((flat[1:] - flat[:1]).T)
    value = form.times(matrix).plus(Affine.constant(flat[0]))
    return [Value(Form(value, {}), (1, *result.shape[1:]))]


def _reduce(mean: bool) -> Rule:
    def rule(
        reader: Reader, place: str, node: onnx.NodeProto, given: dict[str, Any]
    ) -> list[Value]:
        """The sum or the mean along some axes."""
        form, shape = reader.affine(place, node.input[0])
        axes = given.get("axes") or []
        if len(node.input) > 1 and node.input[1]:
            axes = [int(a) for a in reader.constants[node.input[1]]]
        if not axes and given.get("noop_with_empty_axes"):
            return [Value(Form(form, {}), shape)]
        along = tuple(int(a) % len(shape) for a in axes) or tuple(range(len(shape)))
        kept = tuple(1 if i in along else n for i, n in enumerate(shape))
        rows = np.broadcast_to(np.arange(math.prod(kept)).reshape(kept), shape).reshape(-1)
        each = math.prod(kept) / form.size if mean else 1.0
        entries = (np.full(form.size, each), (rows, np.arange(form.size)))
        summed = form.times(sparse.csr_array(entries, (math.prod(kept), form.size)))
        left = tuple(n for i, n in enumerate(shape) if i not in along)
        return [Value(Form(summed, {}), kept if given.get("keepdims", 1) else left)]

    return rule


def _cast(reader: Reader, place: str, node: onnx.NodeProto, given: dict[str, Any]) -> list[Value]:
    if given["to"] not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
        kind = onnx.TensorProto.DataType.Name(given["to"])
        raise ElegansError(place, f"rounds to {kind}", "keep the step in float32")
    return [reader.value(node.input[0])]


RULES: dict[str, Rule] = {
    "Add": _sum(1.0),
    "Sub": _sum(-1.0),
    "Sum": _total,
    "Neg": _negate,
    "Mul": _multiply,
    "Div": _divide,
    "Reciprocal": _reciprocal,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Tanh": _activation("tanh"),
    "Sigmoid": _activation("sigmoid"),
    "Relu": _activation("relu"),
    "Abs": _abs,
    "Exp": _exp,
    "Erf": _erf,
    "Gelu": _gelu,
    "ReduceSum": _reduce(mean=False),
    "ReduceMean": _reduce(mean=True),
    "Conv": _linear,
    "AveragePool": _linear,
    "GlobalAveragePool": _linear,
    "BatchNormalization": _linear,
    "Cast": _cast,
    **dict.fromkeys(("Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape"), _moved),
    **dict.fromkeys(("Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"), _moved),
}
