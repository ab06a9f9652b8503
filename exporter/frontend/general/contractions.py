"""Sums of products of tensors that are no constants: MatMul, Einsum, products of elements."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import onnx
from scipy import sparse

from elegans.exporter.atoms.gates.vector_product import VectorProductGate
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule
from elegans.exporter.ir.affine import Affine, Form

_MOST_PRODUCTS = 1 << 13  # of one node; each takes instructions of its own


def contracted(
    reader: Reader, place: str, names: list[str], labels: list[str], out: str
) -> ShapedForm:
    """The sum of products over all labels that `out` does not have, as `numpy.einsum` has it.

    labels  of the axes of each tensor, a letter an axis

    Raises ValueError for axes that do not fit, `ElegansError` for too many products.
    """
    sizes: dict[str, int] = {}
    for name, axes in zip(names, labels, strict=True):
        for axis, size in zip(axes, reader.tensor(name).shape, strict=True):
            if sizes.setdefault(axis, size) not in (size, 1) and size != 1:
                raise ValueError(f"axis {axis!r} has {size} and {sizes[axis]} elements")
            sizes[axis] = max(sizes[axis], size)
    order = out + "".join(dict.fromkeys(a for axes in labels for a in axes if a not in out))
    whole = [sizes[axis] for axis in order]
    if math.prod(whole) > _MOST_PRODUCTS:
        raise ElegansError(place, f"takes {math.prod(whole):,} products", "export a smaller step")
    forms = [
        _spread(reader, place, name, axes, order, whole)
        for name, axes in zip(names, labels, strict=True)
    ]
    total = reduce(lambda a, b: times(reader, a, b), forms)
    shape = tuple(sizes[axis] for axis in out)
    summed = math.prod(whole) // max(math.prod(shape), 1)
    if summed > 1:
        total = total.times(
            sparse.kron(sparse.eye_array(math.prod(shape)), np.ones((1, summed)), "csr")
        )
    return ShapedForm(Form(total, {}), shape)


def times(reader: Reader, a: Affine, b: Affine) -> Affine:
    """The product of two forms, element by element."""
    if not a.terms:
        return b.scaled(a.bias)
    return a.scaled(b.bias) if not b.terms else VectorProductGate.of(reader.atoms, a, b)


def _spread(
    reader: Reader, place: str, name: str, axes: str, order: str, whole: list[int]
) -> Affine:
    """A tensor with all axes of `order`, of which it repeats those that it has not."""
    form, shape = reader.affine(place, name)
    own = "".join(dict.fromkeys(axes))
    rows = np.einsum(f"{axes}->{own}", np.arange(form.size).reshape(shape))
    rows = rows.transpose(sorted(range(len(own)), key=lambda i: order.index(own[i])))
    kept = [size for axis, size in zip(order, whole, strict=True) if axis in own]
    aligned = iter(rows.shape)
    wide = [next(aligned) if axis in own else 1 for axis in order]
    assert len(kept) == rows.ndim
    return form.pick(np.broadcast_to(rows.reshape(wide), whole).reshape(-1))


def matmul(reader: Reader, place: str, node: onnx.NodeProto) -> ShapedForm:
    """A product of matrices of which neither is constant, with axes of a batch in front."""
    letters = "abcdefgh"
    a, b = (reader.tensor(name).shape for name in node.input)
    if not a or not b or max(len(a), len(b)) > len(letters):
        raise ValueError(f"{list(a)} times {list(b)}")
    left = letters[: len(a) - 2] if len(a) > 1 else ""
    right = letters[: len(b) - 2] if len(b) > 1 else ""
    batch = left if len(left) >= len(right) else right
    left, right = batch[len(batch) - len(left) :], batch[len(batch) - len(right) :]
    rows, columns = "m" if len(a) > 1 else "", "n" if len(b) > 1 else ""
    labels = [f"{left}{rows}k", f"{right}k{columns}"]
    return contracted(reader, place, list(node.input), labels, f"{batch}{rows}{columns}")


def _einsum(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    equation = given["equation"].decode().replace(" ", "")
    left, _, out = equation.partition("->")
    labels, whole = _without_ellipsis(reader, list(node.input), left.split(","))
    if "->" not in equation:
        every = "".join(labels)
        single = {axis for axis in every if every.count(axis) == 1} - {*whole}
        out = "..." * bool(whole) + "".join(sorted(single))
    out = out.replace("...", whole)
    return [contracted(reader, place, list(node.input), labels, out)]


def _without_ellipsis(reader: Reader, names: list[str], labels: list[str]) -> tuple[list[str], str]:
    """The labels with letters in place of `...`, and those of the longest one, counted from the
    last axis."""
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if not any(c in label for label in labels)]
    found, longest = [], ""
    for name, label in zip(names, labels, strict=True):
        more = max(len(reader.tensor(name).shape) - len(label.replace("...", "")), 0)
        own = "".join(free[:more][::-1]) if "..." in label else ""
        longest = max(longest, own, key=len)
        found.append(label.replace("...", own))
    return found, longest


def product_of_all(reader: Reader, place: str, z: Affine) -> Affine:
    """The product of all elements of a vector."""
    if z.size > _MOST_PRODUCTS:
        raise ElegansError(place, f"multiplies {z.size} elements", "export a smaller step")
    while z.size > 1:
        half = z.size // 2
        made = times(reader, z.pick(np.arange(half)), z.pick(np.arange(half, 2 * half)))
        z = made if z.size % 2 == 0 else Affine.joined([made, z.pick(np.array([z.size - 1]))])
    return z


CONTRACTION_RULES: dict[str, Rule] = {"Einsum": _einsum}
