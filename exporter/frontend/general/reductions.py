"""Reductions along an axis: the greatest, norms, softmax, normalisations, the greatest's index."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from scipy import sparse

from elegans.exporter.atoms.activations.absolute import AbsoluteActivation
from elegans.exporter.atoms.activations.any_function import AnyFunctionActivation
from elegans.exporter.atoms.gates.below_greatest import BelowGreatestGate
from elegans.exporter.atoms.gates.part import PartGate
from elegans.exporter.atoms.gates.vector_product import VectorProductGate
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.general.choices import above, extremum
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.numbers.fixed import Integers

_MINUS = np.array([-1.0])
_MASKED = -1e4  # what a mask adds is at least as far below
_MANY = 32  # elements of a group, whose sum is a vector of its own; few are summed by each element
MOST_GROUPS = 1024  # of a reduction; each is a step of the model
OfGroup = Callable[[Reader, str, Affine], Affine]
OfGroups = Callable[[Reader, str, Affine, Integers], Affine]


def groups(place: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Integers:
    """[groups, n]: the elements that are reduced together, in the order of what is left."""
    index = np.arange(int(np.prod(shape, dtype=np.int64))).reshape(shape)
    kept = [i for i in range(len(shape)) if i not in axes]
    rows = index.transpose([*kept, *sorted(axes)])
    rows = rows.reshape(int(np.prod([shape[i] for i in kept], dtype=np.int64)), -1)
    if not (0 < len(rows) <= MOST_GROUPS and rows.shape[1]):
        raise ElegansError(place, f"reduces {len(rows)} groups", "export a smaller network")
    return rows


def _each(reader: Reader, place: str, z: Affine, rows: Integers, made: OfGroup) -> list[Affine]:
    return [made(reader, place, z.pick(group)) for group in rows]


def put_back(found: Affine, rows: Integers) -> Affine:
    """Groups of as many elements as they had, in the order of the tensor."""
    return found.pick(np.argsort(rows.reshape(-1), kind="stable"))


def _axes(reader: Reader, node: onnx.NodeProto, given: Attributes, rank: int) -> tuple[int, ...]:
    axes = given.get("axes") or []
    if len(node.input) > 1 and node.input[1]:
        axes = [int(a) for a in reader.constants[node.input[1]].reshape(-1)]
    if not axes and given.get("noop_with_empty_axes"):
        return ()
    return tuple(sorted(int(a) % rank for a in axes)) or tuple(range(rank))


def reduction(made: OfGroup) -> Rule:
    """A rule of an operator that makes one element of each group."""

    def rule(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        z, shape = reader.affine(place, node.input[0])
        axes = _axes(reader, node, given, len(shape))
        if not axes:
            return [ShapedForm(Form(z, {}), shape)]
        found = Affine.joined(_each(reader, place, z, groups(place, shape, axes), made))
        kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
        left = tuple(n for i, n in enumerate(shape) if i not in axes)
        return [ShapedForm(Form(found, {}), kept if given.get("keepdims", 1) else left)]

    return rule


def of_each(made: OfGroup) -> OfGroups:
    """A function of one group as one of all groups."""

    def together(reader: Reader, place: str, z: Affine, rows: Integers) -> Affine:
        return Affine.joined(_each(reader, place, z, rows, made))

    return together


def along(made: OfGroups, default: int = -1) -> Rule:
    """A rule of an operator that makes as many elements along one axis."""

    def rule(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        z, shape = reader.affine(place, node.input[0])
        axis = int(given.get("axis", default)) % len(shape)
        rows = groups(place, shape, (axis,))
        found = put_back(made(reader, place, z, rows), rows)
        return [ShapedForm(Form(found, {}), shape)]

    return rule


def total(z: Affine, each: float = 1.0) -> Affine:
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


def _unmasked(made: OfGroups, masked: float) -> OfGroups:
    """The same of what no mask takes away: a constant far below, as -1e9 or what is left of minus
    infinity, adds nothing to a sum of exponentials. Its own result is `masked`."""

    def together(reader: Reader, place: str, z: Affine, rows: Integers) -> Affine:
        seen = z.bias[rows] > _MASKED
        if seen.all() or not seen.any(axis=1).all():
            return made(reader, place, z, rows)
        found = []
        for group, kept in zip(rows, seen, strict=True):
            part = made(reader, place, z.pick(group[kept]), np.arange(kept.sum()).reshape(1, -1))
            order = np.full(len(group), int(kept.sum()))
            order[kept] = np.arange(kept.sum())
            found.append(Affine.joined([part, Affine.constant(np.array([masked]))]).pick(order))
        return Affine.joined(found)

    return together


def _exponentials(reader: Reader, place: str, z: Affine, rows: Integers) -> tuple[Affine, Affine]:
    """z less the greatest element of its group, and exp of that, group after group."""
    below = Affine.joined([_below(reader, z.pick(group)) for group in rows])
    if not below.terms:
        return below, Affine.constant(np.exp(below.bias))
    return below, AnyFunctionActivation.of(reader.atoms, "exp", below, place)


def _totals(e: Affine, rows: Integers) -> Affine:
    """The sums of groups of exponentials, of which the greatest is 1."""
    return e.times(sparse.kron(sparse.eye_array(len(rows)), np.ones((1, rows.shape[1])), "csr"))


def _logs(reader: Reader, place: str, e: Affine, rows: Integers) -> Affine:
    """Their logarithms."""
    total = _totals(e, rows)
    return log_of(reader, place, extremum(reader, total, Affine.constant(np.ones(total.size)), 1))


def _softmax(reader: Reader, place: str, z: Affine, rows: Integers) -> Affine:
    _, e = _exponentials(reader, place, z, rows)
    sums, atoms = _totals(e, rows), reader.atoms
    if e.terms and rows.shape[1] >= _MANY:
        sums = atoms.of(atoms.map(sums))
    spread = sums.pick(np.repeat(np.arange(len(rows)), rows.shape[1]))
    if not e.terms:
        return e.scaled(1.0 / spread.bias)
    return atoms.of(atoms.add(PartGate(atoms.map(e), atoms.map(spread), place, full=True)))


def _log_softmax(reader: Reader, place: str, z: Affine, rows: Integers) -> Affine:
    below, e = _exponentials(reader, place, z, rows)
    log = _logs(reader, place, e, rows).pick(np.repeat(np.arange(len(rows)), rows.shape[1]))
    return below.plus(log.scaled(_MINUS))


def log_of(reader: Reader, place: str, z: Affine) -> Affine:
    """The logarithms of the elements of a vector that is above zero."""
    if not z.terms:
        return Affine.constant(np.log(z.bias))
    return AnyFunctionActivation.of(reader.atoms, "log", z, place)


def _log_sum_exp(reader: Reader, place: str, z: Affine) -> Affine:
    rows = np.arange(z.size).reshape(1, -1)
    _, e = _exponentials(reader, place, z, rows)
    return _greatest(reader, place, z).plus(_logs(reader, place, e, rows))


def _squares(reader: Reader, place: str, z: Affine) -> Affine:
    return total(VectorProductGate.of(reader.atoms, z, z))


def _l1(reader: Reader, place: str, z: Affine) -> Affine:
    whole = reader.atoms.of(reader.atoms.map(z))
    return total(reader.atoms.of(reader.atoms.add(AbsoluteActivation(whole))))


def _l2(reader: Reader, place: str, z: Affine) -> Affine:
    return AnyFunctionActivation.of(reader.atoms, "sqrt", _squares(reader, place, z), place)


def _none_yet(reader: Reader, z: Affine) -> Affine:
    """For each element 1 if none up to it, itself included, is the greatest one, else 0."""
    equal = above(reader, _below(reader, z), "equal")
    upto = equal.times(sparse.csr_array(np.tril(np.ones((z.size, z.size)))))
    return above(reader, upto, "equal")


def first_greatest(reader: Reader, z: Affine) -> Affine:
    """1 at the first of the greatest elements, else 0."""
    if z.size == 1:
        return Affine.constant(np.ones(1))
    none = _none_yet(reader, z)
    before = Affine.joined([Affine.constant(np.ones(1)), none.pick(np.arange(z.size - 1))])
    return before.plus(none.scaled(_MINUS))


def _index(of: Callable[[Affine], Affine]) -> OfGroup:
    def made(reader: Reader, place: str, z: Affine) -> Affine:
        """How many elements have no greatest one among themselves and those before them."""
        return Affine.constant(np.zeros(1)) if z.size == 1 else total(_none_yet(reader, of(z)))

    return made


def _argument(sign: float) -> Rule:
    scale = np.array([sign])

    def rule(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        """ONNX takes the first of equals, or the last with `select_last_index`."""
        z, shape = reader.affine(place, node.input[0])
        axis = int(given.get("axis", 0)) % len(shape)
        rows = groups(place, shape, (axis,))
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


REDUCTION_RULES: dict[str, Rule] = {
    "ArgMax": _argument(1.0),
    "ArgMin": _argument(-1.0),
    "LogSoftmax": along(_unmasked(_log_softmax, _MASKED)),
    "ReduceL1": reduction(_l1),
    "ReduceL2": reduction(_l2),
    "ReduceLogSumExp": reduction(_log_sum_exp),
    "ReduceMax": reduction(_greatest),
    "ReduceMin": reduction(_least),
    "ReduceSumSquare": reduction(_squares),
    "Softmax": along(_unmasked(_softmax, 0.0)),
}
