"""QuantizeLinear and DequantizeLinear of what the network computes: where it saturates.

A file that was quantised to 8 bits computes with other integers than elegans does. What its
QuantizeLinear rounds to is no part of the network that was trained, but where it saturates is: the
quantiser removes a rectifier in front of one that ends at zero. So a vector is clipped at the ends
of its integers, which also proves its range, and its rounding is left out. Where the vector is
known to stay within one step of these ends, it is left as it is.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import takewhile

import numpy as np
import onnx
from onnx import helper

from elegans.exporter.atoms.activations.hard_sigmoid import HardSigmoidActivation
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.spans import Span, affine_span, constant_span
from elegans.exporter.numbers.fixed import Reals

_KINDS: dict[int, tuple[int, int]] = {  # of integers, with their ends
    onnx.TensorProto.UINT4: (0, 15),
    onnx.TensorProto.INT4: (-8, 7),
    **{
        helper.np_dtype_to_tensor_dtype(np.dtype(kind)): (np.iinfo(kind).min, np.iinfo(kind).max)
        for kind in (np.uint8, np.int8, np.uint16, np.int16)
    },
}


def _scale_and_zero(
    reader: Reader, place: str, node: onnx.NodeProto, given: Attributes, shape: tuple[int, ...]
) -> tuple[Reals, Reals]:
    """The scale and the zero point of each element."""
    found = []
    for name in [*node.input[1:], ""][:2]:
        if name and name not in reader.constants:
            remedy = "use static quantisation, or quantise the weights only"
            raise ElegansError(place, f"takes the scale {name!r}, which is not constant", remedy)
        values = np.asarray(reader.constants[name] if name else 0.0, np.float64)
        if values.ndim == 1 and values.size > 1:
            axis = int(given.get("axis", 1)) % len(shape)
            values = values.reshape([-1 if i == axis else 1 for i in range(len(shape))])
        elif values.ndim > 1:  # a scale for each block of elements along an axis
            axis = int(given.get("axis", 1)) % len(shape)
            values = np.repeat(values, int(given["block_size"]), axis)
            values = np.take(values, np.arange(shape[axis]), axis)
        values = values.reshape(()) if values.size == 1 else values
        found.append(np.broadcast_to(values, shape))
    scale, zero = (values.reshape(-1) for values in found)
    if not np.all(scale > 0):
        raise ElegansError(place, "has a scale that is not positive", "quantise the model again")
    return scale, zero


def _quantise(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    z, shape = reader.affine(place, node.input[0])
    scale, zero = _scale_and_zero(reader, place, node, given, shape)
    kind = int(given.get("output_dtype", 0)) or onnx.TensorProto.UINT8
    if len(node.input) > 2 and node.input[2]:
        kind = helper.np_dtype_to_tensor_dtype(reader.constants[node.input[2]].dtype)
    if kind not in _KINDS:
        name = onnx.TensorProto.DataType.Name(kind)
        raise ElegansError(place, f"rounds to {name}", "quantise to 8 or 16 bits")
    lo, hi = _KINDS[kind]
    q = z.over(scale).plus(Affine.constant(zero))
    reader.whole.discard(node.output[0])
    return [ShapedForm(Form(_saturated(reader, q, lo, hi), {}), shape)]


def _saturated(reader: Reader, q: Affine, lo: float, hi: float) -> Affine:
    """q, but no less than lo and no more than hi: lo + (hi - lo) hard_sigmoid."""
    least, most = _known_span(reader, q)
    if np.all(least >= lo - 1) and np.all(most <= hi + 1):
        return q
    width = np.full(q.size, float(hi - lo))
    share = q.plus(Affine.constant(np.full(q.size, -float(lo)))).over(width)
    if not share.terms:
        return Affine.constant(np.clip(q.bias, lo, hi))
    held = reader.atoms.of(reader.atoms.add(HardSigmoidActivation(share)))
    return held.scaled(width).plus(Affine.constant(np.full(q.size, float(lo))))


@np.errstate(invalid="ignore")
def _known_span(reader: Reader, z: Affine) -> Span:
    """Where a form lies whatever the states are; infinite, or NaN, where that is not known."""
    found, sizes, known = reader.atoms.found, reader.atoms.sizes, reader.spans
    # Vectors are only ever added, at the end, so each is looked at once.
    new = [*takewhile(lambda name: name not in known, reversed(sizes))]
    for name in reversed(new):
        known[name] = reader.ranges.get(name, constant_span(sizes[name], -np.inf, np.inf))
        if name in found:
            with suppress(ElegansError):  # it is not defined everywhere
                known[name] = found[name].span(name, found, known)
    return affine_span(z, known)


def _dequantise(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    q, shape = reader.affine(place, node.input[0])
    scale, zero = _scale_and_zero(reader, place, node, given, shape)
    return [ShapedForm(Form(q.plus(Affine.constant(-zero)).scaled(scale), {}), shape)]


QUANTISATION_RULES: dict[str, Rule] = {
    "QuantizeLinear": _quantise,
    "DequantizeLinear": _dequantise,
}
