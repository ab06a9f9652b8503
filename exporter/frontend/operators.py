"""The rule of each ONNX operator: from the normal forms of its inputs to those of its outputs.

`RULES` holds the rule of every operator that can be read; adding an operator is adding a row.
One rule serves many operators, whose results it takes from ONNX's reference implementation:
`select` runs an operator that only selects elements on the indices of the elements.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from scipy import sparse

from elegans.exporter.atoms.activations import activations
from elegans.exporter.atoms.activations.absolute import AbsoluteActivation
from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.gates.ratio import RatioGate
from elegans.exporter.atoms.gates.vector_product import VectorProductGate
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.activation_rules import ACTIVATION_RULES
from elegans.exporter.frontend.general.choices import CHOICE_RULES, less_extremum
from elegans.exporter.frontend.general.contractions import CONTRACTION_RULES
from elegans.exporter.frontend.general.functions import FUNCTION_RULES, exp_linear
from elegans.exporter.frontend.general.indices import INDEX_RULES
from elegans.exporter.frontend.general.more import MORE_RULES
from elegans.exporter.frontend.general.normalisations import NORMALISATION_RULES, of_quotient
from elegans.exporter.frontend.general.quantisation import QUANTISATION_RULES
from elegans.exporter.frontend.general.reductions import REDUCTION_RULES
from elegans.exporter.frontend.general.rounding import ROUNDING_RULES, cancelled
from elegans.exporter.frontend.images.rules import (
    IMAGE_RULES,
    in_order_of_storage,
    mean_of_planes,
    of_images,
)
from elegans.exporter.frontend.matrix_rules import MATRIX_RULES
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import (
    Attributes,
    Outputs,
    Rule,
    broadcast,
    probe_alone,
    select,
)
from elegans.exporter.ir.affine import Affine, Form, product
from elegans.exporter.ir.atom import DT, PER_DT, Activation
from elegans.exporter.ir.fixed_model import Window

Shape = tuple[int, ...]


def _operands(reader: Reader, place: str, node: onnx.NodeProto) -> tuple[Form, Form, Shape]:
    (a, b), shape = broadcast(reader, place, *(reader.tensor(name) for name in node.input))
    return a, b, shape


def _add(sign: float) -> Rule:
    def rule(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
        a, b, shape = _operands(reader, place, node)
        # f (1 - t) + t g: both summands have a product, and only their sum is a mix. Summands
        # that are both multiplied by dt are complete Euler steps, and become atoms first.
        parts_of_mix = a.products and b.products
        if not parts_of_mix or set(a.products) == set(b.products) == {DT}:
            a, b = reader.atoms.settled(a), reader.atoms.settled(b)
        total = a.plus(b.scaled(np.array([sign])))
        simpler = less_extremum(reader, cancelled(reader, total.affine))
        return [ShapedForm(Form(simpler, total.products), shape)]

    return rule


def _sum(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    forms, shape = broadcast(reader, place, *(reader.tensor(name) for name in node.input))
    total = forms[0]
    for form in forms[1:]:
        total = total.plus(form)
    return [ShapedForm(total, shape)]


def _negate(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    value = reader.tensor(node.input[0])
    return [ShapedForm(reader.atoms.settled(value.form).scaled(np.array([-1.0])), value.shape)]


def _multiply(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    a, b, shape = _operands(reader, place, node)
    for one, other in ((a, b), (b, a)):
        if other.is_constant:
            return [ShapedForm(reader.atoms.settled(one).scaled(other.affine.bias), shape)]
    atoms = reader.atoms
    left, right = atoms.affine(place, a), atoms.affine(place, b)
    form = product(left, right, atoms.may_multiply)
    if form is None:
        found = _over_a_root(reader, left, right) or _over_a_root(reader, right, left)
        form = Form(found or VectorProductGate.of(atoms, left, right), {})
    return [ShapedForm(form, shape)]


def _over_a_root(reader: Reader, over: Affine, inverse: Affine) -> Affine | None:
    """`over * (1 / root)` as a normalisation, if it is one."""
    found = inverse.factor()
    atom = None if found is None else reader.atoms.found.get(found[0].vector)
    if found is None or not isinstance(atom, RatioGate) or np.any(inverse.bias):
        return None
    one = reader.atoms.found.get(atom.n.vector)
    if not isinstance(one, LinearMapActivation) or one.drive.terms or np.any(one.drive.bias != 1.0):
        return None
    whole = np.arange(atom.d.lo, atom.d.hi)[found[0].lo : found[0].hi]
    rows = np.resize(whole, over.size)
    under = reader.atoms.of(Window(atom.d.vector, 0, int(rows.max()) + 1)).pick(rows)
    made = of_quotient(reader, over, under)
    return None if made is None else made.scaled(found[1])


def _divide(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    over, under, shape = _operands(reader, place, node)
    if under.is_constant:
        if not np.all(under.affine.bias):
            raise ElegansError(place, "divides by zero", "correct the constant")
        return [ShapedForm(reader.atoms.settled(over).over(under.affine.bias), shape)]
    return [ShapedForm(_quotient(reader, place, over, under), shape)]


def _reciprocal(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    value = reader.tensor(node.input[0])
    one = Form.constant(np.ones(value.size))
    return [ShapedForm(_quotient(reader, place, one, value.form), value.shape)]


def _quotient(reader: Reader, place: str, over: Form, under: Form) -> Form:
    """`over / under` by an atom; a constant over elapsed time is kept as a multiple of 1/dt."""
    found = under.affine.factor() if not under.products else None
    if over.is_constant and found is not None and found[0] == DT and not np.any(under.affine.bias):
        per_dt = reader.atoms.of(PER_DT).pick(np.zeros(over.size, np.int64))
        return Form(per_dt.scaled(over.affine.bias / found[1]), {})
    if not {DT, PER_DT} & {*over.products, *under.products}:
        n, d = (reader.atoms.affine(place, form) for form in (over, under))
        known = exp_linear(reader, place, n, d)
        known = of_quotient(reader, n, d) if known is None else known
        if known is not None:
            return Form(known, {})
    return reader.atoms.quotient(place, over, under)


def _activation(activation: type[Activation]) -> Rule:
    def rule(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
        value = reader.tensor(node.input[0])
        return [ShapedForm(reader.atoms.activate(place, activation, value.form), value.shape)]

    return rule


def _abs(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    """|x|. x becomes an atom first, because CfC's pure mode reads both x and |x|."""
    form, shape = reader.affine(place, node.input[0])
    x = ShapedForm(reader.atoms.form(reader.atoms.map(form)), shape)
    reader.tensors[node.input[0]] = x
    return [ShapedForm(reader.atoms.activate(place, AbsoluteActivation, x.form), shape)]


def _reduce(mean: bool) -> Rule:
    def rule(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        """The sum or the mean along some axes; along all of them if none are given."""
        form, shape = reader.affine(place, node.input[0])
        axes = given.get("axes") or []
        if len(node.input) > 1 and node.input[1]:
            axes = [int(a) for a in reader.constants[node.input[1]]]
        if not axes and given.get("noop_with_empty_axes"):
            return [ShapedForm(Form(form, {}), shape)]
        along = tuple(int(a) % len(shape) for a in axes) or tuple(range(len(shape)))
        kept = tuple(1 if i in along else n for i, n in enumerate(shape))
        left = tuple(n for i, n in enumerate(shape) if i not in along)
        result = kept if given.get("keepdims", 1) else left
        pooled = mean_of_planes(reader, place, node, along) if mean else None
        if pooled is not None:
            return [ShapedForm(pooled.form, result)]
        rows = np.broadcast_to(np.arange(math.prod(kept)).reshape(kept), shape).reshape(-1)
        each = math.prod(kept) / form.size if mean else 1.0
        entries = (np.full(form.size, each), (rows, np.arange(form.size)))
        summed = form.times(sparse.csr_array(entries, (math.prod(kept), form.size)))
        return [ShapedForm(Form(summed, {}), result)]

    return rule


RULES: dict[str, Rule] = {
    **CHOICE_RULES,
    **{
        kind: in_order_of_storage(rule)
        for kind, rule in (
            *((kind.operator, _activation(kind)) for kind in activations() if kind.operator),
            *ACTIVATION_RULES.items(),
            *FUNCTION_RULES.items(),
            *(("Abs", _abs), ("Clip", CHOICE_RULES["Clip"])),
        )
    },
    **MORE_RULES,
    **NORMALISATION_RULES,
    **CONTRACTION_RULES,
    **REDUCTION_RULES,
    **QUANTISATION_RULES,
    **ROUNDING_RULES,
    "Add": _add(1.0),
    "Sub": _add(-1.0),
    "Sum": _sum,
    "Neg": _negate,
    "Mul": of_images(_multiply),
    "Div": _divide,
    "Reciprocal": _reciprocal,
    "ReduceSum": _reduce(mean=False),
    "ReduceMean": _reduce(mean=True),
    **IMAGE_RULES,
    **MATRIX_RULES,
    **dict.fromkeys(("Concat", "Expand", "Flatten", "Identity", "Reshape"), select),
    **dict.fromkeys(("Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"), select),
    **dict.fromkeys(("DepthToSpace", "GatherND", "SpaceToDepth"), select),
    **dict.fromkeys(("ConvTranspose", "CumSum", "Pad", "Resize", "Trilu"), probe_alone),
    **INDEX_RULES,
}
