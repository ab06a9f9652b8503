"""How a vector's normal form passes through each ONNX operator: the table is `RULES`.

What is not in the table is not read; adding an operator is adding its row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from elegans.exporter.algebra import Affine, Form, product
from elegans.exporter.errors import ElegansError
from elegans.exporter.model import Window
from elegans.exporter.onnx_reader import Reader

Rule = Callable[[Reader, str, onnx.NodeProto, dict[str, Any]], list[Form]]


def _sum(sign: float) -> Rule:
    def rule(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Form]:
        a, b = (reader.form(name) for name in node.input)
        if not (a.products and b.products):  # a whole gate and something else, not two halves
            a, b = reader.settled(a), reader.settled(b)
        return [a.plus(b.scaled(np.array([sign])))]

    return rule


def _negate(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Form]:
    return [reader.settled(reader.form(node.input[0])).scaled(np.array([-1.0]))]


def _multiply(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Form]:
    a, b = (reader.form(name) for name in node.input)
    for one, other in ((a, b), (b, a)):
        if other.is_constant:
            return [reader.settled(one).scaled(other.affine.bias)]
    form = product(reader.affine(place, a), reader.affine(place, b), reader.is_gate)
    if form is None:
        raise ElegansError(
            place,
            "multiplies two vectors of which neither is a sigmoid gate nor elapsed time",
            "use the cells of CfC (default, no_gate), GRU or LSTM",
        )
    return [form]


def _divide(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Form]:
    form, divisor = (reader.form(name) for name in node.input)
    if not divisor.is_constant:
        raise ElegansError(place, "divides by a vector that is not constant", "fold the divisor")
    if not np.all(divisor.affine.bias):
        raise ElegansError(place, "divides by zero", "mend the constant")
    return [reader.settled(form).scaled(1.0 / divisor.affine.bias)]


def _matmul(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Form]:
    row = reader.affine(place, reader.form(node.input[0]))
    return [Form(row.times(reader.matrix(place, node.input[1])), {})]


def _gemm(reader: Reader, place: str, node: onnx.NodeProto, given: dict[str, Any]) -> list[Form]:
    if given.get("transA", 0):
        raise ElegansError(place, "transposes its input", "export a row vector times a matrix")
    matrix = reader.matrix(place, node.input[1])
    matrix = (matrix.T if given.get("transB", 0) else matrix) * given.get("alpha", 1.0)
    result = Form(reader.affine(place, reader.form(node.input[0])).times(matrix), {})
    if len(node.input) > 2:
        result = result.plus(reader.form(node.input[2]).scaled(np.array([given.get("beta", 1.0)])))
    return [result]


def _activation(function: str) -> Rule:
    def rule(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Form]:
        return [reader.activate(place, function, reader.form(node.input[0]))]

    return rule


def _concat(reader: Reader, place: str, node: onnx.NodeProto, given: dict[str, Any]) -> list[Form]:
    if not _along_vector(reader, place, node, given["axis"]):
        return [_only(place, [reader.form(name) for name in node.input])]
    parts = [reader.affine(place, reader.form(name)) for name in node.input]
    total, start = Affine(np.zeros(sum(p.size for p in parts)), {}), 0
    for part in parts:
        place_rows = np.zeros((part.size, total.size))
        place_rows[:, start : start + part.size] = np.eye(part.size)
        total = total.plus(part.times(place_rows))
        start += part.size
    return [Form(total, {})]


def _pick(affine: Affine, indices: list[int]) -> Form:
    """Some elements; a run of a window stays a (narrower) window."""
    windows = affine.windows()
    if windows is not None and indices == list(range(indices[0], indices[0] + len(indices))):
        start = 0
        for w in windows:
            lo, hi = indices[0] - start, indices[-1] + 1 - start
            if lo >= 0 and hi <= w.size:
                return Form.of(Window(w.vector, w.lo + lo, w.lo + hi))
            start += w.size
    return Form(affine.rows(lambda m: m[indices]), {})


def _split(reader: Reader, place: str, node: onnx.NodeProto, given: dict[str, Any]) -> list[Form]:
    if not _along_vector(reader, place, node, given.get("axis", 0)):
        _only(place, list(node.output))
        return [reader.form(node.input[0])]
    whole = reader.affine(place, reader.form(node.input[0]))
    sizes = reader.integers(place, node, 1) or given.get("split")
    if sizes is None:
        part = -(-whole.size // len(node.output))
        sizes = [min(part, whole.size - i * part) for i in range(len(node.output))]
    if sum(sizes) != whole.size or min(sizes) < 1:
        raise ElegansError(place, f"splits {whole.size} elements into {sizes}", "mend the sizes")
    ends = np.cumsum(sizes)
    return [
        _pick(whole, list(range(end - size, end))) for end, size in zip(ends, sizes, strict=True)
    ]


def _slice(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Form]:
    starts, ends, axes, steps = (reader.integers(place, node, i) for i in (1, 2, 3, 4))
    if not starts or not ends or len(starts) != 1:
        raise ElegansError(place, "slices more than one axis", "slice the last axis only")
    vector = _along_vector(reader, place, node, axes[0] if axes else 0)
    whole = reader.affine(place, reader.form(node.input[0]))
    chosen = list(range(whole.size if vector else 1))[
        slice(starts[0], ends[0], steps[0] if steps else 1)
    ]
    if not chosen:
        raise ElegansError(place, "takes an empty slice", "slice at least one element")
    return [_pick(whole, chosen) if vector else Form(whole, {})]


def _gather(reader: Reader, place: str, node: onnx.NodeProto, given: dict[str, Any]) -> list[Form]:
    indices = reader.integers(place, node, 1) or []
    if not _along_vector(reader, place, node, given.get("axis", 0)):
        if _only(place, indices) not in (0, -1):
            raise ElegansError(place, f"gathers row {indices[0]} of one", "mend the index")
        return [reader.form(node.input[0])]
    whole = reader.affine(place, reader.form(node.input[0]))
    if not indices or any(not -whole.size <= i < whole.size for i in indices):
        raise ElegansError(place, f"gathers elements {indices} of {whole.size}", "mend the indices")
    return [_pick(whole, [i % whole.size for i in indices])]


def _same(reader: Reader, place: str, node: onnx.NodeProto, _: dict[str, Any]) -> list[Form]:
    """An operator that may change the shape, if it left the row vector one."""
    form = reader.form(node.input[0])
    shape = reader.shapes.get(node.output[0])
    if shape and shape[-1] not in (form.size, None):
        raise ElegansError(place, f"makes the shape {shape}", "keep vectors as [1, N]")
    return [form]


def _cast(reader: Reader, place: str, node: onnx.NodeProto, given: dict[str, Any]) -> list[Form]:
    if given["to"] not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
        kind = onnx.TensorProto.DataType.Name(given["to"])
        raise ElegansError(place, f"rounds to {kind}", "keep the step in float32")
    return _same(reader, place, node, given)


def _along_vector(reader: Reader, place: str, node: onnx.NodeProto, axis: int) -> bool:
    """Whether an axis is the vector's own, the last; all others have the length 1."""
    shape = reader.shapes.get(node.input[0]) or [1, None]
    if not -len(shape) <= axis < len(shape):
        raise ElegansError(place, f"works along axis {axis} of {len(shape)}", "mend the axis")
    if axis % len(shape) == len(shape) - 1:
        return True
    if shape[axis] not in (1, None):
        raise ElegansError(
            place, f"works along axis {axis} of {shape}", "export one step, a batch of 1"
        )
    return False


def _only(place: str, parts: list[Any]) -> Any:
    """The one part that there is along an axis of length 1."""
    if len(parts) != 1:
        raise ElegansError(place, f"makes {len(parts)} rows of one", "export one step of one row")
    return parts[0]


RULES: dict[str, Rule] = {
    "Add": _sum(1.0),
    "Sub": _sum(-1.0),
    "Neg": _negate,
    "Mul": _multiply,
    "Div": _divide,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Tanh": _activation("tanh"),
    "Sigmoid": _activation("sigmoid"),
    "Relu": _activation("relu"),
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "Identity": _same,
    "Reshape": _same,
    "Squeeze": _same,
    "Unsqueeze": _same,
    "Flatten": _same,
    "Cast": _cast,
    "Transpose": _same,
}
