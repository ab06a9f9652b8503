"""What is found by an index that the step computes: an embedded vector, a one, the greatest.

An index is a whole number: ArgMax makes one, Round and Floor do. What it selects is the sum over
all places of what lies there, times whether the index is this place; an index beyond the ends
selects zeros. Which tensors are whole numbers is told by what computed them.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from scipy import sparse

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.general.choices import above, choose
from elegans.exporter.frontend.general.contractions import times
from elegans.exporter.frontend.general.reductions import REDUCTION_RULES
from elegans.exporter.frontend.general.rounding import ceil_of, floor_of
from elegans.exporter.frontend.general.sorting import top
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule, select
from elegans.exporter.ir.affine import Affine, Form

_Vectors = tuple[Affine, tuple[int, ...]]  # and their shape
_MOST_PLACES = 1024  # that are compared with indices, and products, of one node
_INTEGERS = (onnx.TensorProto.INT64, onnx.TensorProto.INT32)
_REALS = (
    *(onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE),
    *(onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16),
)
# Operators that move whole numbers, and that make whole numbers of them.
_MOVED = frozenset(
    (
        *("Expand", "Flatten", "Gather", "Identity", "Reshape"),
        *("Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"),
    )
)
_KEPT = frozenset(["Abs", "Add", "Clip", "Concat", "Max", "Min", "Mul", "Neg", "Sub", "Where"])


def _is_place(reader: Reader, place: str, index: Affine, places: int) -> Affine:
    """[index size * places]: 1 where an index is a place, else 0."""
    if index.size * places > _MOST_PLACES:
        fact = f"compares {index.size} indices with {places} places"
        raise ElegansError(place, fact, "export a smaller table")
    spread = index.pick(np.repeat(np.arange(index.size), places))
    each = np.tile(np.arange(places, dtype=np.float64), index.size)
    return above(reader, spread.plus(Affine.constant(-each)), "equal")


def _gather(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """Elements at constant places are addressing; at others, a sum over the places."""
    if node.input[1] in reader.constants:
        return select(reader, place, node, given)
    (index, asked), (data, shape), axis = _indexed(reader, place, node, given)
    places, inner = shape[axis], math.prod(shape[axis + 1 :])
    outer = math.prod(shape[:axis])
    found = _is_place(reader, place, index, places)
    rows = np.arange(data.size).reshape(outer, places, inner)
    if not data.terms:
        table = data.bias[rows].transpose(0, 2, 1).reshape(-1, places)
        matrix = sparse.kron(sparse.eye_array(index.size), sparse.csr_array(table), format="csr")
        picked = found.times(matrix)
    else:
        if data.size * index.size > _MOST_PLACES:
            fact = f"takes {data.size * index.size:,} products"
            raise ElegansError(place, fact, "let it select of a smaller vector")
        whole = (index.size, outer, inner, places)
        each = np.arange(found.size).reshape(index.size, 1, 1, places)
        wide = np.broadcast_to(each, whole).reshape(-1)
        values = data.pick(np.tile(rows.transpose(0, 2, 1).reshape(-1), index.size))
        count = index.size * outer * inner
        summed = sparse.kron(sparse.eye_array(count), np.ones((1, places)), "csr")
        picked = times(reader, found.pick(wide), values).times(summed)
    order = np.arange(picked.size).reshape(index.size, outer, inner).transpose(1, 0, 2)
    result = (*shape[:axis], *asked, *shape[axis + 1 :])
    return [ShapedForm(Form(picked.pick(order.reshape(-1)), {}), result)]


def _gather_elements(
    reader: Reader, place: str, node: onnx.NodeProto, given: Attributes
) -> Outputs:
    """For each element of the index, the one of its row of the data."""
    if node.input[1] in reader.constants:
        return select(reader, place, node, given)
    (index, asked), (data, shape), axis = _indexed(reader, place, node, given)
    rows = np.moveaxis(np.arange(data.size).reshape(shape), axis, -1)
    rows = rows[tuple(slice(n) for i, n in enumerate(asked) if i != axis)]
    wide = np.broadcast_to(np.expand_dims(rows, axis), (*asked, shape[axis])).reshape(-1)
    found = _is_place(reader, place, index, shape[axis])
    summed = sparse.kron(sparse.eye_array(index.size), np.ones((1, shape[axis])), "csr")
    picked = times(reader, found, data.pick(wide)).times(summed)
    return [ShapedForm(Form(picked, {}), asked)]


def _indexed(
    reader: Reader, place: str, node: onnx.NodeProto, given: Attributes
) -> tuple[_Vectors, _Vectors, int]:
    """The index of a node and its data, each with its shape, and the axis that is indexed."""
    data_name, index_name = node.input
    _require_whole(reader, place, index_name)
    data, shape = reader.affine(place, data_name)
    axis = int(given.get("axis", 0)) % len(shape)
    return reader.affine(place, index_name), (data, shape), axis


def _one_hot(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    _require_whole(reader, place, node.input[0])
    index, shape = reader.affine(place, node.input[0])
    depth = int(reader.constants[node.input[1]].reshape(-1)[0])
    off, on = (float(v) for v in reader.constants[node.input[2]].reshape(-1))
    axis = int(given.get("axis", -1)) % (len(shape) + 1)
    found = _is_place(reader, place, index, depth)
    order = np.moveaxis(np.arange(found.size).reshape(*shape, depth), -1, axis)
    value = found.pick(order.reshape(-1)).scaled(np.array([on - off]))
    return [
        ShapedForm(Form(value.plus(Affine.constant(np.full(value.size, off))), {}), order.shape)
    ]


def _require_whole(reader: Reader, place: str, name: str) -> None:
    if name not in reader.whole:
        fact = f"takes the index {name!r}, which is not known to be a whole number"
        raise ElegansError(place, fact, "make it one by ArgMax, Round or Floor")


def _top(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """The greatest element and its index by reductions, which take less than a sort."""
    count = reader.constants.get(node.input[1])
    if count is None or count.size != 1 or int(count.reshape(-1)[0]) != 1:
        return top(reader, place, node, given)
    axis, largest = int(given.get("axis", -1)), given.get("largest", 1)
    value, index = ("ReduceMax", "ArgMax") if largest else ("ReduceMin", "ArgMin")
    found = onnx.helper.make_node(value, node.input[:1], node.output[:1])
    values = REDUCTION_RULES[value](reader, place, found, {"axes": [axis], "keepdims": 1})
    found = onnx.helper.make_node(index, node.input[:1], node.output[1:2] or [""])
    return values + REDUCTION_RULES[index](reader, place, found, {"axis": axis, "keepdims": 1})


def _cast(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """Real numbers stay; integers drop what is behind the point, truths ask what is not zero."""
    value = reader.tensor(node.input[0])
    if given["to"] in _REALS:
        return [value]
    known = node.input[0] in reader.whole
    reader.whole.add(node.output[0])
    if known and given["to"] != onnx.TensorProto.BOOL:
        return [value]
    z, shape = reader.affine(place, node.input[0])
    if given["to"] == onnx.TensorProto.BOOL:
        zero = above(reader, z, "equal")
        truth = Affine.constant(np.ones(z.size)).plus(zero.scaled(np.array([-1.0])))
        return [ShapedForm(Form(truth, {}), shape)]
    if given["to"] not in _INTEGERS:
        kind = onnx.TensorProto.DataType.Name(given["to"])
        raise ElegansError(place, f"rounds to {kind}", "keep the step in float32, or write a Floor")
    parts = floor_of(reader, z), ceil_of(reader, z)
    return [ShapedForm(Form(choose(reader, above(reader, z, "from"), *parts), {}), shape)]


INDEX_RULES: dict[str, Rule] = {
    "Cast": _cast,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "OneHot": _one_hot,
    "TopK": _top,
}


def of_whole_numbers(reader: Reader, node: onnx.NodeProto) -> bool:
    """Whether the first output of a node is whole, because all that it computes with is."""
    if node.op_type in ("Ceil", "Floor", "Round"):
        return True
    read = node.input[:1] if node.op_type in _MOVED else [n for n in node.input if n]
    if node.op_type not in (*_MOVED, *_KEPT):
        return False
    constants = (reader.constants[n] for n in read if n in reader.constants)
    whole = all(np.array_equal(c, np.round(c.astype(np.float64))) for c in constants)
    return whole and all(n in reader.whole or n in reader.constants for n in read)
