"""Operators that consist of a few others: means, thresholds, products of all elements."""

from __future__ import annotations

import numpy as np
import onnx

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.activation_rules import of_one_argument
from elegans.exporter.frontend.general.choices import above, affines, choose
from elegans.exporter.frontend.general.contractions import product_of_all
from elegans.exporter.frontend.general.reductions import first_greatest, log_of, reduction, total
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.atom import DT

_MINUS = np.array([-1.0])
_MASK = "let the step take a mask beside its values, 1 where one is there: integers have no NaN"


def _log_sum(reader: Reader, place: str, z: Affine) -> Affine:
    return log_of(reader, place, total(z))


def _mean(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    parts, shape = affines(reader, place, list(node.input))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.plus(part)
    return [ShapedForm(Form(whole.scaled(np.array([1.0 / len(parts)])), {}), shape)]


def _beyond(reader: Reader, z: Affine, threshold: float) -> Affine:
    """1 where z is above a threshold, else 0."""
    return above(reader, z.plus(Affine.constant(np.full(z.size, -threshold))))


def _thresholded(reader: Reader, place: str, z: Affine, given: Attributes) -> Affine:
    nothing = Affine.constant(np.zeros(z.size))
    return choose(reader, _beyond(reader, z, float(given.get("alpha", 1.0))), z, nothing)


def _shrink(reader: Reader, place: str, z: Affine, given: Attributes) -> Affine:
    """z + bias below -lambd, z - bias above lambd, else 0."""
    bias, threshold = float(given.get("bias", 0.0)), float(given.get("lambd", 0.5))
    shift, nothing = Affine.constant(np.full(z.size, bias)), Affine.constant(np.zeros(z.size))
    upper = choose(reader, _beyond(reader, z, threshold), z.plus(shift.scaled(_MINUS)), nothing)
    below = _beyond(reader, z.scaled(_MINUS), threshold)
    return choose(reader, below, z.plus(shift), upper)


def _hardmax(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """1 at the first greatest element along an axis, else 0."""
    z, shape = reader.affine(place, node.input[0])
    axis = int(given.get("axis", -1)) % len(shape)
    rows = np.moveaxis(np.arange(z.size).reshape(shape), axis, -1).reshape(-1, shape[axis])
    parts = [first_greatest(reader, z.pick(group)) for group in rows]
    found = Affine.joined(parts).pick(np.argsort(rows.reshape(-1), kind="stable"))
    reader.whole.add(node.output[0])
    return [ShapedForm(Form(found, {}), shape)]


def _dropout(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    name = node.input[2] if len(node.input) > 2 else ""
    training = reader.constants.get(name)
    if name and training is None:
        fact = "decides at run time whether it is in training mode"
        raise ElegansError(place, fact, "call eval() before exporting, so that it is a constant")
    if training is not None and np.any(training):
        raise ElegansError(place, "is in training mode", "call eval() before exporting")
    return [reader.tensor(node.input[0])]


def _never(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    """NaN and infinity, which no integer is: what is computed never is either."""
    z, shape = reader.affine(place, node.input[0])
    if node.op_type == "IsNaN" and {"x", DT.vector} & z.terms.keys():
        raise ElegansError(place, "asks which inputs are missing", _MASK)
    reader.whole.add(node.output[0])
    return [ShapedForm(Form(Affine.constant(np.zeros(z.size)), {}), shape)]


MORE_RULES: dict[str, Rule] = {
    "Dropout": _dropout,
    "Hardmax": _hardmax,
    **dict.fromkeys(("IsInf", "IsNaN"), _never),
    "Mean": _mean,
    "ReduceLogSum": reduction(_log_sum),
    "ReduceProd": reduction(product_of_all),
    "Shrink": of_one_argument(_shrink),
    "ThresholdedRelu": of_one_argument(_thresholded),
}
