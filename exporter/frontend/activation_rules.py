"""The rules of ONNX's operators that are one function of one argument, and of their parts.

Those that no op computes by itself are written by ones that it does: a clipped value by two
rectifiers, a leaky one by a rectifier and its argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx

from elegans.exporter.atoms.activations.hard_sigmoid import HardSigmoidActivation
from elegans.exporter.atoms.activations.normal_cdf import NormalCdfActivation
from elegans.exporter.atoms.activations.relu import ReluActivation
from elegans.exporter.atoms.activations.soft_relu import SoftReluActivation
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule
from elegans.exporter.ir.affine import Affine, Form
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


def of_one_argument(function: Callable[[Reader, str, Affine, Attributes], Affine]) -> Rule:
    """The rule of an operator that makes each element of its result of one of its input."""

    def rule(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
        z, shape = reader.affine(place, node.input[0])
        return [ShapedForm(Form(function(reader, place, z, given), {}), shape)]

    return rule


def _soft(curve: SoftCurve) -> Rule:
    def function(reader: Reader, place: str, z: Affine, _: Attributes) -> Affine:
        return SoftReluActivation.of(reader.atoms, curve, z)

    return of_one_argument(function)


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


def _erf(reader: Reader, place: str, z: Affine, _: Attributes) -> Affine:
    """erf(z) = 2 Phi(sqrt(2) z) - 1."""
    argument = z.scaled(np.array([math.sqrt(2.0)]))
    phi = reader.atoms.of(reader.atoms.add(NormalCdfActivation(argument)))
    return phi.scaled(np.array([2.0])).plus(Affine.constant(np.full(z.size, -1.0)))


ACTIVATION_RULES: dict[str, Rule] = {
    "Softplus": _soft(SOFTPLUS),
    "Mish": _soft(MISH),
    "HardSwish": _soft(HARD_SWISH),
    **{
        kind: of_one_argument(function)
        for kind, function in (
            *(("Gelu", _gelu), ("Swish", _swish), ("Erf", _erf)),
            *(("Elu", _elu), ("Selu", _selu), ("Celu", _celu)),
            *(("LeakyRelu", _leaky_relu), ("HardSigmoid", _hard_sigmoid)),
        )
    },
}
