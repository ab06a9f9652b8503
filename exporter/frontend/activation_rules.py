"""The rules of ONNX's operators that are one function of one argument, and of their parts.

Those that no op computes by itself are written by ones that it does: a clipped value by two
rectifiers, a leaky one by a rectifier and its argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx

from elegans.exporter.atoms.activations.decay import DecayActivation
from elegans.exporter.atoms.activations.hard_sigmoid import HardSigmoidActivation
from elegans.exporter.atoms.activations.normal_cdf import NormalCdfActivation
from elegans.exporter.atoms.activations.relu import ReluActivation
from elegans.exporter.atoms.activations.soft_relu import SoftReluActivation
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.numbers.soft_curves import (
    ELU,
    GELU,
    GELU_TANH,
    HARD_SWISH,
    MISH,
    SILU,
    SOFTPLUS,
    SoftCurve,
)

_SELU_ALPHA, _SELU_GAMMA = 1.6732632423543772, 1.0507009873554805  # Klambauer et al., 2017
_STRAIGHT = 15.0  # beyond it softplus(z) is z


def _of_one_argument(function: Callable[[Reader, str, Affine, Attributes], Affine]) -> Rule:
    def rule(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        z, shape = reader.affine(place, node.input[0])
        return [ShapedForm(Form(function(reader, place, z, given), {}), shape)]

    return rule


def _soft(curve: SoftCurve) -> Rule:
    def function(reader: Reader, place: str, z: Affine, _: Attributes) -> Affine:
        return SoftReluActivation.of(reader.atoms, curve, z)

    return _of_one_argument(function)


def _gelu(reader: Reader, place: str, z: Affine, given: Attributes) -> Affine:
    exact = given.get("approximate", b"none") == b"none"
    return SoftReluActivation.of(reader.atoms, GELU if exact else GELU_TANH, z)


def _swish(reader: Reader, place: str, z: Affine, given: Attributes) -> Affine:
    """z sigmoid(alpha z) = silu(alpha z) / alpha."""
    alpha = np.array([given.get("alpha", 1.0)])
    if not alpha[0]:
        return z.scaled(np.array([0.5]))
    return SoftReluActivation.of(reader.atoms, SILU, z.scaled(alpha)).scaled(1 / alpha)


def _relu(reader: Reader, z: Affine) -> Affine:
    return reader.atoms.of(reader.atoms.add(ReluActivation(z)))


def _elu(reader: Reader, place: str, z: Affine, given: Attributes) -> Affine:
    """relu(z) + alpha (exp(min(z, 0)) - 1) = (1 - alpha) relu(z) + alpha elu(z)."""
    alpha = float(given.get("alpha", 1.0))
    found = SoftReluActivation.of(reader.atoms, ELU, z).scaled(np.array([alpha]))
    return found if alpha == 1.0 else found.plus(_relu(reader, z).scaled(np.array([1.0 - alpha])))


def _selu(reader: Reader, place: str, z: Affine, given: Attributes) -> Affine:
    """gamma elu(z) of another alpha."""
    alpha = {"alpha": given.get("alpha", _SELU_ALPHA)}
    return _elu(reader, place, z, alpha).scaled(np.array([given.get("gamma", _SELU_GAMMA)]))


def _celu(reader: Reader, place: str, z: Affine, given: Attributes) -> Affine:
    """alpha elu(z / alpha)."""
    alpha = np.array([given.get("alpha", 1.0)])
    return SoftReluActivation.of(reader.atoms, ELU, z.scaled(1 / alpha)).scaled(alpha)


def _leaky_relu(reader: Reader, place: str, z: Affine, given: Attributes) -> Affine:
    """alpha z + (1 - alpha) relu(z)."""
    alpha = float(given.get("alpha", 0.01))
    return z.scaled(np.array([alpha])).plus(_relu(reader, z).scaled(np.array([1.0 - alpha])))


def _hard_sigmoid(reader: Reader, place: str, z: Affine, given: Attributes) -> Affine:
    """max(0, min(1, alpha z + beta))."""
    alpha, beta = (np.full(z.size, given.get(key, d)) for key, d in (("alpha", 0.2), ("beta", 0.5)))
    argument = z.scaled(alpha).plus(Affine.constant(beta))
    return reader.atoms.of(reader.atoms.add(HardSigmoidActivation(argument)))


def _clip(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """min(max(z, lo), hi) = lo + relu(z - lo) - relu(z - hi), as ONNX has it: hi counts if it is
    the lesser."""
    z, shape = reader.affine(place, node.input[0])
    ends = [given.get("min"), given.get("max")]
    for i, name in enumerate(node.input[1:3]):
        ends[i] = float(reader.constants[name].reshape(-1)[0]) if name else ends[i]
    lo, hi = ends
    if lo is not None and hi is not None and lo >= hi:
        return [ShapedForm(Form.constant(np.full(z.size, hi)), shape)]

    def above(end: float) -> Affine:
        return _relu(reader, z.plus(Affine.constant(np.full(z.size, -end))))

    floor = z if lo is None else Affine.constant(np.full(z.size, lo)).plus(above(lo))
    found = floor if hi is None else floor.plus(above(hi).scaled(np.array([-1.0])))
    return [ShapedForm(Form(found, {}), shape)]


def _erf(reader: Reader, place: str, z: Affine, _: Attributes) -> Affine:
    """erf(z) = 2 Phi(sqrt(2) z) - 1."""
    argument = z.scaled(np.array([math.sqrt(2.0)]))
    phi = reader.atoms.of(reader.atoms.add(NormalCdfActivation(argument)))
    return phi.scaled(np.array([2.0])).plus(Affine.constant(np.full(z.size, -1.0)))


def _log(reader: Reader, place: str, x: Affine, _: Attributes) -> Affine:
    """log(b + c exp(z)) = log b + softplus(z + log(c / b)), for positive b and c."""
    found = x.factor()
    z = None if found is None else _exponent(reader, found[0])
    if found is None or z is None or not (np.all(x.bias > 0) and np.all(found[1] > 0)):
        remedy = "write a softplus as log(1 + exp(z)), or leave the logarithm out"
        raise ElegansError(place, "is not log(b + c exp(z)) of positive constants", remedy)
    shifted = z.plus(Affine.constant(np.log(found[1] / x.bias)))
    soft = SoftReluActivation.of(reader.atoms, SOFTPLUS, shifted)
    return soft.plus(Affine.constant(np.log(x.bias)))


def _greater(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    """z > limit, which only `_where` may read."""
    z, _shape = reader.affine(place, node.input[0])
    limit = reader.constants.get(node.input[1])
    if limit is None:
        raise ElegansError(place, "compares two vectors", "leave comparisons out of the step")
    reader.compared[node.output[0]] = z, float(limit.min())
    return []


def _where(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    """z where z > 20, else softplus(z), as torch writes a softplus: exp(-15) is less than any
    format holds, so it is one."""
    soft, shape = reader.affine(place, node.input[2])
    found = soft.factor()
    atom = None if found is None else reader.atoms.found.get(found[0].vector)
    if found is not None and isinstance(atom, SoftReluActivation) and atom.curve == SOFTPLUS:
        window, c = found
        z = atom.drive.pick(np.arange(window.lo, window.hi))
        compared, limit = reader.compared.get(node.input[0], (z, 0.0))
        straight, _shape = reader.affine(place, node.input[1])
        same = compared.close_to(z) and straight.close_to(z.scaled(c)) and not np.any(soft.bias)
        if same and limit >= _STRAIGHT:
            return [ShapedForm(Form(soft, {}), shape)]
    remedy = "leave comparisons out of the step, but for a softplus that ends in its argument"
    raise ElegansError(place, "chooses by a comparison", remedy)


def _exponent(reader: Reader, window: Window) -> Affine | None:
    """z, where a window is exp(z); with a fixed sample period, any such exp is a decay."""
    rows = np.arange(window.lo, window.hi)
    if window.vector in reader.exponents:
        return reader.exponents[window.vector][0].pick(rows)
    atom = reader.atoms.found.get(window.vector)
    if not isinstance(atom, DecayActivation) or atom.factor is not None or atom.rate is None:
        return None
    return atom.rate.pick(rows).scaled(np.array([-1.0]))


ACTIVATION_RULES: dict[str, Rule] = {
    "Softplus": _soft(SOFTPLUS),
    "Mish": _soft(MISH),
    "HardSwish": _soft(HARD_SWISH),
    **{
        kind: _of_one_argument(function)
        for kind, function in (
            *(("Gelu", _gelu), ("Swish", _swish), ("Erf", _erf), ("Log", _log)),
            *(("Elu", _elu), ("Selu", _selu), ("Celu", _celu)),
            *(("LeakyRelu", _leaky_relu), ("HardSigmoid", _hard_sigmoid)),
        )
    },
    "Clip": _clip,
    "Greater": _greater,
    "Where": _where,
}
