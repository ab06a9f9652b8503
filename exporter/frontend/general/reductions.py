"""Reductions along an axis: the greatest, norms, softmax, normalisations, the greatest's index."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from scipy import sparse

from elegans.exporter.atoms.activations.absolute import AbsoluteActivation
from elegans.exporter.atoms.activations.any_function import AnyFunctionActivation
from elegans.exporter.atoms.gates.below_greatest import BelowGreatestGate
from elegans.exporter.atoms.gates.normalise import NormaliseGate
from elegans.exporter.atoms.gates.ratio import RatioGate
from elegans.exporter.atoms.gates.vector_product import VectorProductGate
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.general.choices import above, extremum
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.numbers.fixed import Integers, Reals

_MINUS = np.array([-1.0])
_MOST_GROUPS = 1024  # of a reduction; each is a step of the model
OfGroup = Callable[[Reader, str, Affine], Affine]


def _groups(place: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Integers:
    """[groups, n]: the elements that are reduced together, in the order of what is left."""
    index = np.arange(int(np.prod(shape, dtype=np.int64))).reshape(shape)
    kept = [i for i in range(len(shape)) if i not in axes]
    rows = index.transpose([*kept, *sorted(axes)])
    rows = rows.reshape(int(np.prod([shape[i] for i in kept], dtype=np.int64)), -1)
    if not (0 < len(rows) <= _MOST_GROUPS and rows.shape[1]):
        raise ElegansError(place, f"reduces {len(rows)} groups", "export a smaller network")
    return rows


def _each(reader: Reader, place: str, z: Affine, rows: Integers, made: OfGroup) -> list[Affine]:
    return [made(reader, place, z.pick(group)) for group in rows]


def _put_back(parts: list[Affine], rows: Integers) -> Affine:
    """Groups of as many elements as they had, in the order of the tensor."""
    return Affine.joined(parts).pick(np.argsort(rows.reshape(-1), kind="stable"))


def _axes(reader: Reader, node: onnx.NodeProto, given: Attributes, rank: int) -> tuple[int, ...]:
    axes = given.get("axes") or []
    if len(node.input) > 1 and node.input[1]:
        axes = [int(a) for a in reader.constants[node.input[1]].reshape(-1)]
    if not axes and given.get("noop_with_empty_axes"):
        return ()
    return tuple(sorted(int(a) % rank for a in axes)) or tuple(range(rank))


def _reduction(made: OfGroup) -> Rule:
    """A rule of an operator that makes one element of each group."""

    def rule(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        z, shape = reader.affine(place, node.input[0])
        axes = _axes(reader, node, given, len(shape))
        if not axes:
            return [ShapedForm(Form(z, {}), shape)]
        found = Affine.joined(_each(reader, place, z, _groups(place, shape, axes), made))
        kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
        left = tuple(n for i, n in enumerate(shape) if i not in axes)
        return [ShapedForm(Form(found, {}), kept if given.get("keepdims", 1) else left)]

    return rule


def _along(made: OfGroup, default: int = -1) -> Rule:
    """A rule of an operator that makes as many elements along one axis."""

    def rule(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        z, shape = reader.affine(place, node.input[0])
        axis = int(given.get("axis", default)) % len(shape)
        rows = _groups(place, shape, (axis,))
        found = _put_back(_each(reader, place, z, rows, made), rows)
        return [ShapedForm(Form(found, {}), shape)]

    return rule


def _total(z: Affine, each: float = 1.0) -> Affine:
    """The sum of all elements, as one element."""
    return z.times(sparse.csr_array(np.full((1, z.size), each)))


def _below(reader: Reader, z: Affine) -> Affine:
    """z less its greatest element."""
    if z.size == 1:
        return Affine.constant(np.zeros(1))
    if not z.terms:
        return Affine.constant(z.bias - z.bias.max())
    return reader.atoms.of(reader.atoms.add(BelowGreatestGate(reader.atoms.map(z))))


def _greatest(reader: Reader, place: str, z: Affine) -> Affine:
    if z.size == 1:
        return z
    whole = reader.atoms.of(reader.atoms.map(z))
    below = _below(reader, whole)
    first = np.zeros(1, np.int64)
    return whole.pick(first).plus(below.pick(first).scaled(_MINUS))


def _least(reader: Reader, place: str, z: Affine) -> Affine:
    return _greatest(reader, place, z.scaled(_MINUS)).scaled(_MINUS)


def _exponentials(reader: Reader, place: str, z: Affine) -> tuple[Affine, Affine, Affine]:
    """z less its greatest element, exp of that, and the sum of these, which is at least 1."""
    below = _below(reader, z)
    if not below.terms:
        e = Affine.constant(np.exp(below.bias))
    else:
        e = AnyFunctionActivation.of(reader.atoms, "exp", below, place)
    return below, e, extremum(reader, _total(e), Affine.constant(np.ones(1)), 1)


def _softmax(reader: Reader, place: str, z: Affine) -> Affine:
    _, e, total = _exponentials(reader, place, z)
    if not e.terms:
        return e.scaled(1.0 / total.bias)
    atoms = reader.atoms
    spread = _total(e).pick(np.zeros(z.size, np.int64))
    return atoms.of(atoms.add(RatioGate(atoms.map(e), atoms.map(spread), place)))


def _log_softmax(reader: Reader, place: str, z: Affine) -> Affine:
    below, _, total = _exponentials(reader, place, z)
    log = _log(reader, place, total).pick(np.zeros(z.size, np.int64))
    return below.plus(log.scaled(_MINUS))


def _log(reader: Reader, place: str, z: Affine) -> Affine:
    if not z.terms:
        return Affine.constant(np.log(z.bias))
    return AnyFunctionActivation.of(reader.atoms, "log", z, place)


def _log_sum_exp(reader: Reader, place: str, z: Affine) -> Affine:
    _, _, total = _exponentials(reader, place, z)
    return _greatest(reader, place, z).plus(_log(reader, place, total))


def _squares(reader: Reader, place: str, z: Affine) -> Affine:
    return _total(VectorProductGate.of(reader.atoms, z, z))


def _l1(reader: Reader, place: str, z: Affine) -> Affine:
    whole = reader.atoms.of(reader.atoms.map(z))
    return _total(reader.atoms.of(reader.atoms.add(AbsoluteActivation(whole))))


def _l2(reader: Reader, place: str, z: Affine) -> Affine:
    return AnyFunctionActivation.of(reader.atoms, "sqrt", _squares(reader, place, z), place)


def _index(of: Callable[[Affine], Affine]) -> OfGroup:
    def made(reader: Reader, place: str, z: Affine) -> Affine:
        """How many elements have no greatest one among themselves and those before them."""
        if z.size == 1:
            return Affine.constant(np.zeros(1))
        equal = above(reader, _below(reader, of(z)), "equal")
        upto = equal.times(sparse.csr_array(np.tril(np.ones((z.size, z.size)))))
        return _total(above(reader, upto, "equal"))

    return made


def _argument(sign: float) -> Rule:
    scale = np.array([sign])

    def rule(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        """ONNX takes the first of equals, or the last with `select_last_index`."""
        z, shape = reader.affine(place, node.input[0])
        axis = int(given.get("axis", 0)) % len(shape)
        rows = _groups(place, shape, (axis,))
        last = bool(given.get("select_last_index"))
        made = _index(lambda part: part.scaled(scale))
        found = Affine.joined(_each(reader, place, z, rows[:, ::-1] if last else rows, made))
        if last:
            end = Affine.constant(np.full(found.size, rows.shape[1] - 1.0))
            found = end.plus(found.scaled(_MINUS))
        reader.whole.add(node.output[0])
        kept = tuple(1 if i == axis else n for i, n in enumerate(shape))
        left = tuple(n for i, n in enumerate(shape) if i != axis)
        return [ShapedForm(Form(found, {}), kept if given.get("keepdims", 1) else left)]

    return rule


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
        rows = _groups(place, shape, tuple(range(axis, len(shape))))
        epsilon = float(given.get("epsilon", 1e-5))
        parts = [normalised(reader, z.pick(group), centre, epsilon) for group in rows]
        found = _put_back(parts, rows)
        names = list(node.input[1:3]) if centre else list(node.input[1:2])
        return [ShapedForm(Form(_scaled_and_shifted(reader, found, shape, names, ()), {}), shape)]

    return rule


def _group_norm(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """Groups of channels of [1, C, ...]; one channel a group as InstanceNormalization."""
    z, shape = reader.affine(place, node.input[0])
    if len(shape) < 2 or shape[0] != 1:
        raise ElegansError(place, f"works on the shape {list(shape)}", "export a batch of 1")
    groups = int(given.get("num_groups", shape[1]))
    rows = np.arange(z.size).reshape(groups, -1)
    epsilon = float(given.get("epsilon", 1e-5))
    found = Affine.joined([normalised(reader, z.pick(group), True, epsilon) for group in rows])
    names = list(node.input[1:3])
    per_group = reader.constants[names[0]].size == groups != shape[1]
    spread = (1, groups, *(1 for _ in shape[1:])) if per_group else (1, shape[1])
    like = (*spread, *(1 for _ in range(len(shape) - 2))) if not per_group else spread
    wide = (1, groups, shape[1] // groups, *shape[2:]) if per_group else shape
    scaled = _scaled_and_shifted(reader, found, wide, names, like)
    return [ShapedForm(Form(scaled, {}), shape)]


def _lp(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """x / |x|, which is x at a mean square of 1 over sqrt(n)."""
    if given.get("p", 2) != 2:
        raise ElegansError(place, "is not the Euclidean norm", "write x / ReduceL1(x)")

    def made(reader: Reader, place: str, z: Affine) -> Affine:
        return normalised(reader, z, False, 0.0).scaled(np.array([z.size**-0.5]))

    return _along(made)(reader, place, node, given)


def of_quotient(reader: Reader, over: Affine, under: Affine) -> Affine | None:
    """`c v / sqrt(epsilon + k sum(v^2))` as a normalisation, as exporters write RMSNorm and
    LayerNorm out. None if the quotient is none."""
    found = under.factor()
    if found is None or np.any(under.bias):
        return None
    root = reader.atoms.found.get(found[0].vector)
    if not isinstance(root, AnyFunctionActivation) or root.kind != "sqrt":
        return None
    drive = root.drive.pick(np.arange(found[0].lo, found[0].hi))
    if drive.size != 1 or len(drive.terms) != 1:
        return None
    ((name, matrix),) = drive.terms.items()
    square = reader.atoms.found.get(name)
    v = over.factor()
    if v is None or np.any(over.bias):
        v = reader.atoms.map(over), np.ones(over.size)
    if not isinstance(square, VectorProductGate) or not square.u == square.v == v[0]:
        return None
    each: Reals = matrix.toarray()[0]
    if square.size != over.size or not np.allclose(each, each[0], rtol=1e-6) or each[0] <= 0:
        return None
    mean = float(each[0]) * over.size
    rms = normalised(reader, reader.atoms.of(v[0]), False, float(drive.bias[0]) / mean)
    return rms.scaled(v[1] / found[1] / np.sqrt(mean))


REDUCTION_RULES: dict[str, Rule] = {
    "ArgMax": _argument(1.0),
    "ArgMin": _argument(-1.0),
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _group_norm,
    "LayerNormalization": _layer_norm(centre=True),
    "LogSoftmax": _along(_log_softmax),
    "LpNormalization": _lp,
    "RMSNormalization": _layer_norm(centre=False),
    "ReduceL1": _reduction(_l1),
    "ReduceL2": _reduction(_l2),
    "ReduceLogSumExp": _reduction(_log_sum_exp),
    "ReduceMax": _reduction(_greatest),
    "ReduceMin": _reduction(_least),
    "ReduceSumSquare": _reduction(_squares),
    "Softmax": _along(_softmax),
}
