"""Normalisations of layers, groups and lengths, also where a graph writes them out."""

from __future__ import annotations

import numpy as np
import onnx

from elegans.exporter.atoms.activations.any_function import AnyFunctionActivation
from elegans.exporter.atoms.activations.relu import ReluActivation
from elegans.exporter.atoms.gates.normalise import NormaliseGate
from elegans.exporter.atoms.gates.vector_product import VectorProductGate
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.general.reductions import (
    MOST_GROUPS,
    along,
    groups,
    of_each,
    put_back,
)
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule
from elegans.exporter.ir.affine import Affine, Form, Matrix
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.numbers.fixed import Integers, Reals

_MOST_GUARD = 1e-6
"""What may be left out where it keeps a length from being zero. `F.normalize` takes 1e-12."""


def _scaled_and_shifted(
    reader: Reader, z: Affine, shape: tuple[int, ...], names: list[str], like: tuple[int, ...]
) -> Affine:
    """z times one constant and plus another; each is brought to the shape `like` first."""
    for name, plus in zip(names, (False, True), strict=False):
        if name:
            array = reader.constants[name]
            array = array.reshape(like) if array.size > 1 and like else array
            values = np.broadcast_to(array, shape).reshape(-1).astype(np.float64)
            z = z.plus(Affine.constant(values)) if plus else z.scaled(values)
    return z


def normalised(reader: Reader, z: Affine, centre: bool, epsilon: float) -> Affine:
    """A vector at a mean of 0, if asked, and a mean square of 1."""
    atoms = reader.atoms
    return atoms.of(atoms.add(NormaliseGate(atoms.map(z), centre, epsilon)))


def _layer_norm(centre: bool, default: int = -1) -> Rule:
    def rule(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        z, shape = reader.affine(place, node.input[0])
        axis = int(given.get("axis", default)) % len(shape)
        rows = groups(place, shape, tuple(range(axis, len(shape))))
        epsilon = float(given.get("epsilon", 1e-5))
        parts = [normalised(reader, z.pick(group), centre, epsilon) for group in rows]
        found = put_back(Affine.joined(parts), rows)
        names = list(node.input[1:3]) if centre else list(node.input[1:2])
        return [ShapedForm(Form(_scaled_and_shifted(reader, found, shape, names, ()), {}), shape)]

    return rule


def _group_norm(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """Groups of channels of [N, C, ...]; one channel a group as InstanceNormalization."""
    z, shape = reader.affine(place, node.input[0])
    batch, channels, *rest = shape
    groups = int(given.get("num_groups", channels))
    rows = np.arange(z.size).reshape(batch * groups, -1)
    if len(rows) > MOST_GROUPS:
        raise ElegansError(place, f"normalises {len(rows)} groups", "export a smaller network")
    epsilon = float(given.get("epsilon", 1e-5))
    found = Affine.joined([normalised(reader, z.pick(group), True, epsilon) for group in rows])
    names = list(node.input[1:3])
    ones = [1 for _ in rest]
    per_group = reader.constants[names[0]].size == groups != channels
    wide = (batch, groups, channels // groups, *rest) if per_group else shape
    like = (1, groups, 1, *ones) if per_group else (1, channels, *ones)
    return [ShapedForm(Form(_scaled_and_shifted(reader, found, wide, names, like), {}), shape)]


def _lp(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """x / |x|, which is x at a mean square of 1 over sqrt(n)."""
    if given.get("p", 2) != 2:
        raise ElegansError(place, "is not the Euclidean norm", "write x / ReduceL1(x)")

    def made(reader: Reader, place: str, z: Affine) -> Affine:
        return normalised(reader, z, False, 0.0).scaled(np.array([z.size**-0.5]))

    return along(of_each(made))(reader, place, node, given)


def of_quotient(reader: Reader, over: Affine, under: Affine) -> Affine | None:
    """`M v / sqrt(epsilon + k sum(v^2))` as a map of a normalisation, as exporters write RMSNorm,
    LayerNorm, `F.normalize` and a cosine similarity out. None if the quotient is none.

    M has one element a row, a constant multiple of v, or is any matrix; k may differ by row.
    """
    under = _unguarded(reader, under)
    found = _elements(under)
    if found is None or np.any(under.bias):
        return None
    vector, picked, c = found
    root = reader.atoms.found.get(vector)
    if not isinstance(root, AnyFunctionActivation) or root.kind != "sqrt":
        return None
    drive = root.drive.pick(picked)
    if len(drive.terms) != 1:
        return None
    ((name, matrix),) = drive.terms.items()
    square = reader.atoms.found.get(name)
    if not isinstance(square, VectorProductGate) or square.u != square.v:
        return None
    each: Reals = matrix.toarray()
    k = each[:, 0]
    if each.shape[1] != square.size or not np.allclose(each, k[:, None], rtol=1e-6) or k.min() <= 0:
        return None
    epsilon = drive.bias / (k * square.size)
    if not np.allclose(epsilon, epsilon[0], rtol=1e-6, atol=0.0):
        return None
    mapped = _map_of(reader, over, square.u)
    if mapped is None:
        return None
    rms = normalised(reader, reader.atoms.of(square.u), False, float(epsilon[0]))
    return rms.times(mapped).scaled(1.0 / (c * np.sqrt(k * square.size)))


def _elements(form: Affine) -> tuple[str, Integers, Reals] | None:
    """`(v, which [n], c [n])` with row i of a form = c[i] v[which[i]] + bias; None for others."""
    if len(form.terms) != 1:
        return None
    ((vector, matrix),) = form.terms.items()
    if np.any(np.diff(matrix.indptr) != 1):
        return None
    return vector, matrix.indices.astype(np.int64), matrix.data


def _map_of(reader: Reader, over: Affine, v: Window) -> Matrix | None:
    """M [n, size of v] where a form is M v; None where it is none."""
    whole = over
    if v.vector not in over.terms:
        if reader.atoms.map(over) != v:
            return None
        whole = reader.atoms.of(v)
    outside = [m for name, m in whole.terms.items() if name != v.vector]
    matrix = whole.terms[v.vector]
    inside = matrix[:, v.lo : v.hi]
    if np.any(whole.bias) or outside or inside.nnz != matrix.nnz:
        return None
    return inside


def _unguarded(reader: Reader, under: Affine) -> Affine:
    """A divisor without what only keeps it from being zero: r of max(r, guard) or of r + guard.

    The gate makes zeros of zeros without a guard. One that is greater than `_MOST_GUARD` stays.
    """
    guard, bare = under.bias, Affine(np.zeros(under.size), under.terms)
    if not np.any(guard):
        return bare
    found = _elements(bare)
    beyond = None if found is None else reader.atoms.found.get(found[0])
    if found is not None and isinstance(beyond, ReluActivation):
        inner = beyond.drive.pick(found[1]).scaled(found[2])
        if not np.allclose(inner.bias, -guard, rtol=1e-6):
            return under
        bare = Affine(np.zeros(under.size), inner.terms)
    return bare if np.all((guard >= 0) & (guard <= _MOST_GUARD)) else under


NORMALISATION_RULES: dict[str, Rule] = {
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _group_norm,
    "LayerNormalization": _layer_norm(centre=True),
    "LpNormalization": _lp,
    "RMSNormalization": _layer_norm(centre=False),
}
