"""Rules that take their results from ONNX's reference implementation.

`select` runs an operator that only selects elements on the indices of the elements, and `probe`
finds the matrix of a linear operator by applying it to unit vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from scipy import sparse

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.ir.affine import Affine, Form

Attributes = dict[str, Any]  # of a node
Outputs = list[ShapedForm]
# A rule takes the tensors read so far, the node's place for errors, the node and its attributes.
# It raises ValueError, IndexError, KeyError or TypeError for inputs that do not fit.
Rule = Callable[[Reader, str, onnx.NodeProto, Attributes], Outputs]

WIDEST = 1 << 22  # elements of a tensor; a limit on what a file that is not trusted can ask for
MOST_PROBED = 4096  # elements of a probed operator's input; it is run on one unit vector for each
_MOST_ALONE = 1024  # elements of an input that one unit vector after the other takes the place of


def broadcast(
    reader: Reader, place: str, *values: ShapedForm
) -> tuple[list[Form], tuple[int, ...]]:
    """The forms of several tensors, broadcast to their common shape, and that shape."""
    shape = np.broadcast_shapes(*(v.shape for v in values))
    if math.prod(shape) > WIDEST:
        raise ElegansError(place, f"makes the shape {list(shape)}", "export a smaller network")
    forms = []
    for value in values:
        rows = np.broadcast_to(np.arange(value.size).reshape(value.shape), shape).reshape(-1)
        if np.array_equal(rows, np.arange(value.size)):
            forms.append(value.form)
            continue
        spread = value.form.pick(rows)
        if spread is None:  # a product's elements cannot be repeated; an atom's can
            spread = Form(reader.atoms.affine(place, value.form).pick(rows), {})
        forms.append(spread)
    return forms, shape


def select(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    """Any operator that moves, repeats or drops elements: run on the indices of its elements."""
    data = list(node.input) if node.op_type == "Concat" else [node.input[0]]
    start, forms = 0, []
    inputs: dict[str, Any] = {}
    for name in dict.fromkeys(data):
        value = reader.tensor(name)
        inputs[name] = np.arange(start, start + value.size).reshape(value.shape)
        forms.append(value.form)
        start += value.size
    for name in node.input[len(data) :]:
        if name and name not in reader.constants:
            raise ElegansError(place, f"input {name!r} is not constant", "export fixed shapes")
        if name:
            inputs[name] = reader.constants[name]
    indices = reader.evaluate(place, node, inputs)
    if any(not 0 < np.size(index) <= WIDEST for index in indices):
        raise ElegansError(place, "selects nothing, or too much", "export a smaller network")
    whole = forms[0] if len(forms) == 1 else None
    joined = None
    results = []
    for index in indices:
        rows = np.asarray(index, dtype=np.int64).reshape(-1)
        unchanged = whole is not None and np.array_equal(rows, np.arange(whole.size))
        form = whole if unchanged or whole is None else whole.pick(rows)
        if form is None:  # several inputs, or a product that a window cannot follow
            joined = joined or Affine.joined([reader.atoms.affine(place, f) for f in forms])
            form = Form(joined.pick(rows), {})
        results.append(ShapedForm(form, np.shape(index)))
    return results


def probe(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """Any operator that is affine in its first input: run on zero and on each unit vector.

    These are stacked along the first axis, the batch, over which the operator is independent.
    """
    form, shape = reader.affine(place, node.input[0])
    if len(shape) < 2 or shape[0] != 1:
        raise ElegansError(place, f"works on the shape {list(shape)}", "export a batch of 1")
    if given.get("training_mode"):
        raise ElegansError(place, "is in training mode", "call eval() before exporting")
    if form.size > MOST_PROBED:
        raise ElegansError(place, f"works on {form.size} elements", "export a smaller window")
    fixed = {name: reader.constants[name] for name in node.input[1:] if name}
    basis = np.concatenate([np.zeros((1, form.size)), np.eye(form.size)])
    inputs = {node.input[0]: basis.reshape(-1, *shape[1:])} | fixed
    result = np.asarray(reader.evaluate(place, node, inputs)[0], dtype=np.float64)
    flat = result.reshape(form.size + 1, -1)
    matrix = sparse.csr_array((flat[1:] - flat[:1]).T)
    value = form.times(matrix).plus(Affine.constant(flat[0]))
    return [ShapedForm(Form(value, {}), (1, *result.shape[1:]))]


def probe_alone(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    """Any operator that is affine in its only input that varies, over all of its axes: run on zero,
    and on one unit vector after the other."""
    varying = [name for name in dict.fromkeys(node.input) if name in reader.tensors]
    if len(varying) != 1 or list(node.input).count(varying[0]) != 1:
        fact = f"multiplies {', '.join(map(repr, varying)):.120} with each other"
        raise ElegansError(place, fact, "write it with Mul and ReduceSum")
    form, shape = reader.affine(place, varying[0])
    if form.size > _MOST_ALONE:
        raise ElegansError(place, f"works on {form.size} elements", "export a smaller window")
    fixed = {name: reader.constants[name] for name in node.input if name in reader.constants}
    results = []
    for unit in np.concatenate([np.zeros((1, form.size)), np.eye(form.size)]):
        found = reader.evaluate(place, node, fixed | {varying[0]: unit.reshape(shape)})[0]
        results.append(np.asarray(found, np.float64))
        reader.spend(place, results[-1].size)
    flat = np.stack(results).reshape(form.size + 1, -1)
    value = form.times(sparse.csr_array((flat[1:] - flat[:1]).T)).plus(Affine.constant(flat[0]))
    return [ShapedForm(Form(value, {}), results[0].shape)]
