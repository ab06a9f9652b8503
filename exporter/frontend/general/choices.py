"""Comparisons, choices, the greatest and the least: exact where what they compare is.

What a comparison gives is a vector of 1 and 0 without fractional bits, so that it is true or false
in integers as it is in real numbers, and what it multiplies is kept or dropped exactly.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
import onnx

from elegans.exporter.atoms.activations.clipped_image import ClippedImageActivation
from elegans.exporter.atoms.activations.relu import ReluActivation
from elegans.exporter.atoms.activations.soft_relu import SoftReluActivation, unfolded
from elegans.exporter.atoms.activations.threshold import ThresholdActivation
from elegans.exporter.atoms.gates.choose import ChooseGate
from elegans.exporter.atoms.gates.extremum import ExtremumGate
from elegans.exporter.atoms.images.image import by_channel
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule, broadcast
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.numbers.fixed import LARGEST_REAL
from elegans.exporter.numbers.soft_curves import SOFTPLUS

_STRAIGHT = 15.0  # beyond it softplus(z) is z
_MINUS = np.array([-1.0])


def affines(reader: Reader, place: str, names: list[str]) -> tuple[list[Affine], tuple[int, ...]]:
    """Several tensors as affine forms of one shape, and that shape."""
    forms, shape = broadcast(reader, place, *(reader.tensor(name) for name in names))
    return [reader.atoms.affine(place, form) for form in forms], shape


def above(reader: Reader, z: Affine, kind: str = "above") -> Affine:
    """1 where z is above zero (`from`: or is zero; `equal`: is zero), else 0."""
    if not z.terms:
        return Affine.constant(ThresholdActivation(z, kind=kind).function(z.bias))
    return reader.atoms.of(reader.atoms.add(ThresholdActivation(z, kind=kind)))


def _less(a: Affine, b: Affine) -> Affine:
    return a.plus(b.scaled(_MINUS))


def _compare(kind: str, swapped: bool = False) -> Rule:
    def rule(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
        (a, b), shape = affines(reader, place, list(node.input))
        z = _less(b, a) if swapped else _less(a, b)
        limit = reader.constants.get(node.input[1])
        if limit is not None and kind == "above" and not swapped:
            reader.compared[node.output[0]] = a, float(limit.min())
        reader.whole.add(node.output[0])
        return [ShapedForm(Form(above(reader, z, kind), {}), shape)]

    return rule


def _logic(bias: float, kind: str = "above") -> Rule:
    """`a + b + bias` against zero, of truths that are 1 and 0."""

    def rule(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
        (a, b), shape = affines(reader, place, list(node.input))
        total = a.plus(b).plus(Affine.constant(np.full(a.size, bias)))
        reader.whole.add(node.output[0])
        still, other = (a, b) if not a.terms else (b, a)
        decides = 0.0 if node.op_type == "And" else 1.0
        if node.op_type in ("And", "Or") and not still.terms:  # as whether a number is NaN
            known = still.bias == decides
            if not known.any():
                return [ShapedForm(Form(other, {}), shape)]
            if known.all():
                return [ShapedForm(Form(still, {}), shape)]
        return [ShapedForm(Form(above(reader, total, kind), {}), shape)]

    return rule


def _not(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    a, shape = reader.affine(place, node.input[0])
    reader.whole.add(node.output[0])
    one = Affine.constant(np.ones(a.size))
    return [ShapedForm(Form(_less(one, a), {}), shape)]


def choose(reader: Reader, c: Affine, a: Affine, b: Affine) -> Affine:
    """a where c is 1, b where it is 0."""
    atoms = reader.atoms
    if not c.terms:
        return a.scaled(c.bias).plus(b.scaled(1.0 - c.bias))
    found = c.factor()
    if found is not None and np.all(found[1] == -1.0) and np.all(c.bias == 1.0):
        c, a, b = _less(Affine.constant(np.ones(c.size)), c), b, a
    return atoms.of(atoms.add(ChooseGate(*(atoms.map(part) for part in (a, b, c)))))


def _where(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    straight = _softplus(reader, place, node)
    if straight is not None:
        return [straight]
    (c, a, b), shape = affines(reader, place, list(node.input))
    return [ShapedForm(Form(choose(reader, c, a, b), {}), shape)]


def _softplus(reader: Reader, place: str, node: onnx.NodeProto) -> ShapedForm | None:
    """z where z > 20, else softplus(z), as torch writes a softplus: exp(-15) is less than any
    format holds, so it is one. None for any other choice."""
    soft, shape = reader.affine(place, node.input[2])
    found = soft.factor()
    atom = None if found is None else reader.atoms.found.get(found[0].vector)
    if found is None or not isinstance(atom, SoftReluActivation) or atom.curve != SOFTPLUS:
        return None
    window, c = found
    z = atom.drive.pick(np.arange(window.lo, window.hi))
    compared, limit = reader.compared.get(node.input[0], (z, 0.0))
    straight, _shape = reader.affine(place, node.input[1])
    same = compared.close_to(z) and straight.close_to(z.scaled(c)) and not np.any(soft.bias)
    return ShapedForm(Form(soft, {}), shape) if same and limit >= _STRAIGHT else None


def extremum(reader: Reader, a: Affine, b: Affine, sign: int) -> Affine:
    """The greater of two forms, or the lesser; against a constant by a rectifier."""
    atoms = reader.atoms
    if a.close_to(b):
        return a
    if not (a.terms and b.terms):
        still, z = (a, b) if not a.terms else (b, a)
        if np.all(np.abs(still.bias) >= LARGEST_REAL):
            return z if np.all(sign * still.bias < 0.0) else still
        over = _less(z, still).scaled(np.array([float(sign)]))
        if not over.terms:
            return still.plus(Affine.constant(np.maximum(over.bias, 0.0) * sign))
        beyond = atoms.of(atoms.add(ReluActivation(over)))
        return still.plus(beyond.scaled(np.array([float(sign)])))
    return atoms.of(atoms.add(ExtremumGate(atoms.map(a), atoms.map(b), sign)))


def less_extremum(reader: Reader, form: Affine) -> Affine:
    """`a - max(a, b)` as -relu(b - a), which is never above zero whatever intervals say of a and b;
    `a - min(a, b)` as relu(a - b)."""
    for vector, matrix in form.terms.items():
        gate = reader.atoms.found.get(vector)
        alone = Affine(np.zeros(form.size), {vector: matrix}).factor()
        if not isinstance(gate, ExtremumGate) or alone is None or alone[0].size != form.size:
            continue
        window, c = alone
        rows, rest = np.arange(window.lo, window.hi), form.without(vector)
        if len(np.unique(c)) != 1 or abs(c[0]) != 1.0:
            continue
        a, b = (unfolded(reader.atoms, reader.atoms.of(w)).pick(rows) for w in gate.parts)
        for one, other in ((a, b), (b, a)):
            if rest.terms and rest.close_to(one.scaled(-c)):
                over = _less(other, one).scaled(np.array([float(gate.sign)]))
                beyond = reader.atoms.of(reader.atoms.add(ReluActivation(over)))
                return beyond.scaled(c * gate.sign)
    return form


def _of_several(sign: int) -> Rule:
    def rule(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
        parts, shape = affines(reader, place, list(node.input))
        found = reduce(lambda a, b: extremum(reader, a, b, sign), parts)
        return [ShapedForm(Form(found, {}), shape)]

    return rule


def _clip(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """min(max(z, lo), hi), as ONNX has it: hi counts if it is the lesser.

    Between constants it is lo + relu(z - lo) - relu(z - hi).
    """
    names = [node.input[0], *[*node.input[1:3], "", ""][:2]]
    if all(name in reader.constants for name in names[1:] if name):
        return _clip_by_constants(reader, place, node, given)
    parts, shape = affines(reader, place, [name for name in names if name])
    found = parts.pop(0)
    for name, sign in zip(names[1:], (1, -1), strict=True):
        if name:
            found = extremum(reader, found, parts.pop(0), sign)
    return [ShapedForm(Form(found, {}), shape)]


def _clip_by_constants(
    reader: Reader, place: str, node: onnx.NodeProto, given: Attributes
) -> Outputs:
    z, shape = reader.affine(place, node.input[0])
    ends = [given.get("min"), given.get("max")]
    for i, name in enumerate(node.input[1:3]):
        ends[i] = float(reader.constants[name].reshape(-1)[0]) if name else ends[i]
    # Where an exporter wants no end, it writes the greatest float.
    lo, hi = (None if end is None or abs(end) >= LARGEST_REAL else end for end in ends)
    if lo is not None and hi is not None and lo >= hi:
        return [ShapedForm(Form.constant(np.full(z.size, hi)), shape)]

    if by_channel(reader.atoms.found, z) is not None:
        held = -np.inf if lo is None else lo, np.inf if hi is None else hi
        window = reader.atoms.add(ClippedImageActivation(z, ends=held))
        return [ShapedForm(Form(reader.atoms.of(window), {}), shape)]

    def beyond(end: float) -> Affine:
        shifted = z.plus(Affine.constant(np.full(z.size, -end)))
        return reader.atoms.of(reader.atoms.add(ReluActivation(shifted)))

    floor = z if lo is None else Affine.constant(np.full(z.size, lo)).plus(beyond(lo))
    found = floor if hi is None else floor.plus(beyond(hi).scaled(_MINUS))
    return [ShapedForm(Form(found, {}), shape)]


def _sign(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    z, shape = reader.affine(place, node.input[0])
    return [ShapedForm(Form(_less(above(reader, z), above(reader, z.scaled(_MINUS))), {}), shape)]


CHOICE_RULES: dict[str, Rule] = {
    "And": _logic(-1.5),
    "Clip": _clip,
    "Equal": _compare("equal"),
    "Greater": _compare("above"),
    "GreaterOrEqual": _compare("from"),
    "Less": _compare("above", swapped=True),
    "LessOrEqual": _compare("from", swapped=True),
    "Max": _of_several(1),
    "Min": _of_several(-1),
    "Not": _not,
    "Or": _logic(-0.5),
    "Sign": _sign,
    "Where": _where,
    "Xor": _logic(-1.0, "equal"),
}
