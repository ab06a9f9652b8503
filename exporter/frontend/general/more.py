"""Operators that consist of a few others: means, thresholds, sums so far, padding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from scipy import sparse

from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.activation_rules import of_one_argument
from elegans.exporter.frontend.general.choices import above, affines, choose
from elegans.exporter.frontend.general.contractions import product_of_all
from elegans.exporter.frontend.general.reductions import first_greatest, log_of, reduction, total
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import WIDEST, Attributes, Outputs, Rule
from elegans.exporter.ir.affine import Affine, Form

_MINUS = np.array([-1.0])


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
    training = reader.constants.get(node.input[2]) if len(node.input) > 2 else None
    if training is not None and np.any(training):
        raise ElegansError(place, "is in training mode", "call eval() before exporting")
    return [reader.tensor(node.input[0])]


def _cumulated(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    z, shape = reader.affine(place, node.input[0])
    axis = int(reader.constants[node.input[1]].reshape(-1)[0]) % len(shape)
    upto = np.tril(np.ones((shape[axis], shape[axis])), -1 if given.get("exclusive") else 0)
    upto = upto.T if given.get("reverse") else upto
    before, after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    inner = sparse.kron(upto, sparse.eye_array(after), "csr")
    summed = z.times(sparse.csr_array(sparse.kron(sparse.eye_array(before), inner, "csr")))
    return [ShapedForm(Form(summed, {}), shape)]


def _select_or_zero(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    """An operator that moves elements and fills up with zeros: run on the numbers of the elements,
    counted from 1."""
    z, shape = reader.affine(place, node.input[0])
    inputs: dict[str, Any] = {node.input[0]: np.arange(1, z.size + 1).reshape(shape)}
    for name in node.input[1:]:
        if name:
            inputs[name] = reader.constants[name]
    if node.op_type == "Pad" and len(node.input) > 2 and np.any(inputs.get(node.input[2], 0)):
        raise ElegansError(place, "fills up with another number than zero", "pad with zeros")
    if node.op_type == "Pad":
        padded = [n + int(p) for n, p in zip(shape, _pads(inputs[node.input[1]]), strict=False)]
        if math.prod(map(abs, padded)) > WIDEST:
            raise ElegansError(place, f"makes the shape {padded}", "export a smaller network")
    (index,) = reader.evaluate(place, node, inputs)
    joined = Affine.joined([Affine.constant(np.zeros(1)), z])
    rows = np.asarray(index, np.int64).reshape(-1)
    return [ShapedForm(Form(joined.pick(rows), {}), np.shape(index))]


def _pads(pads: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> list[int]:
    """The elements that are added along each axis."""
    both = pads.reshape(2, -1)
    return [int(n) for n in both.sum(axis=0)]


MORE_RULES: dict[str, Rule] = {
    "CumSum": _cumulated,
    "Dropout": _dropout,
    "Hardmax": _hardmax,
    "Mean": _mean,
    "Pad": _select_or_zero,
    "ReduceLogSum": reduction(_log_sum),
    "ReduceProd": reduction(product_of_all),
    "Shrink": of_one_argument(_shrink),
    "ThresholdedRelu": of_one_argument(_thresholded),
    "Trilu": _select_or_zero,
}
