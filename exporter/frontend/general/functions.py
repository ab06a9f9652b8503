"""Functions of one argument that a table computes: exp, log, roots, powers, sines and others."""

from __future__ import annotations

import numpy as np
import onnx

from elegans.exporter.atoms.activations.absolute import AbsoluteActivation
from elegans.exporter.atoms.activations.any_function import AnyFunctionActivation
from elegans.exporter.atoms.activations.decay import DecayActivation
from elegans.exporter.atoms.activations.relu import ReluActivation
from elegans.exporter.atoms.activations.sigmoid import SigmoidActivation
from elegans.exporter.atoms.activations.soft_relu import SoftReluActivation
from elegans.exporter.atoms.gates.vector_product import VectorProductGate
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.activation_rules import of_one_argument
from elegans.exporter.frontend.general.angles import atan
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule, broadcast
from elegans.exporter.ir.affine import Affine, Form, proportion
from elegans.exporter.ir.atom import DT
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.numbers.soft_curves import SOFTPLUS

_MOST_PRODUCTS = 4  # a whole power beyond this is a table, which is more exact


def _tabled(kind: str) -> Rule:
    def function(reader: Reader, place: str, z: Affine, _: Attributes) -> Affine:
        return AnyFunctionActivation.of(reader.atoms, kind, z, place)

    return of_one_argument(function)


def _exp(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    return [exponential(reader, place, reader.tensor(node.input[0]))]


def exponential(reader: Reader, place: str, value: ShapedForm) -> ShapedForm:
    """A decay of a rate times elapsed time, or of what is never above zero; else a table."""
    atoms = reader.atoms
    if DT.vector in atoms.sizes:
        try:
            decay = DecayActivation.of_exp(atoms, place, value.form)
        except ElegansError:
            pass
        else:
            return ShapedForm(atoms.form(atoms.add(decay)), value.shape)
    z = atoms.affine(place, value.form)
    if DT.vector not in atoms.sizes and _never_positive(reader, z):
        decay = DecayActivation.of_exp(atoms, place, Form(z, {}))
        return ShapedForm(atoms.form(atoms.add(decay)), value.shape)
    return ShapedForm(Form(AnyFunctionActivation.of(atoms, "exp", z, place), {}), value.shape)


def _never_positive(reader: Reader, z: Affine) -> bool:
    """Whether a form is a constant less multiples of vectors that are never negative."""
    for vector, matrix in z.terms.items():
        atom = reader.atoms.found.get(vector)
        kinds = (AbsoluteActivation, ReluActivation)
        soft = isinstance(atom, SoftReluActivation) and atom.curve == SOFTPLUS
        if atom is None or not (atom.in_unit_interval or soft or isinstance(atom, kinds)):
            return False
        if matrix.nnz and matrix.data.max() > 0:
            return False
    return bool(np.all(z.bias <= 0))


def _log(reader: Reader, place: str, x: Affine, _: Attributes) -> Affine:
    """log(b + c exp(z)) = log b + softplus(z + log(c / b)), for positive b and c, and
    log(c sigmoid(z)) = log c - softplus(-z), for positive c; else a table."""
    found = x.factor()
    gate = None if found is None else reader.atoms.found.get(found[0].vector)
    if found is not None and isinstance(gate, SigmoidActivation) and gate.rate is None:
        window, c = found
        if not np.any(x.bias) and np.all(c > 0) and window.size == x.size:
            below = gate.drive.pick(np.arange(window.lo, window.hi)).scaled(np.array([-1.0]))
            soft = SoftReluActivation.of(reader.atoms, SOFTPLUS, below)
            return soft.scaled(np.array([-1.0])).plus(Affine.constant(np.log(c)))
    z = None if found is None else _exponent(reader, found[0])
    if found is None or z is None or not (np.all(x.bias > 0) and np.all(found[1] > 0)):
        return AnyFunctionActivation.of(reader.atoms, "log", x, place)
    shifted = z.plus(Affine.constant(np.log(found[1] / x.bias)))
    soft = SoftReluActivation.of(reader.atoms, SOFTPLUS, shifted)
    return soft.plus(Affine.constant(np.log(x.bias)))


def _exponent(reader: Reader, window: Window) -> Affine | None:
    """z, where a window is exp(z)."""
    rows = np.arange(window.lo, window.hi)
    atom = reader.atoms.found.get(window.vector)
    if isinstance(atom, AnyFunctionActivation) and atom.kind == "exp":
        return atom.drive.pick(rows)
    if not isinstance(atom, DecayActivation) or atom.factor is not None or atom.rate is None:
        return None
    return atom.rate.pick(rows).scaled(np.array([-1.0]))


def exp_linear(reader: Reader, place: str, over: Affine, under: Affine) -> Affine | None:
    """c u / (1 - exp(u)) as one function, which is defined at u = 0, too; None for other forms."""
    found = under.factor()
    u = None if found is None else _exponent(reader, found[0])
    if found is None or u is None or not u.terms or not np.allclose(found[1], -under.bias):
        return None
    if u.size != over.size or not np.all(under.bias):
        return None
    c = proportion(over, u)
    if not over.close_to(u.scaled(c)):
        return None
    minus = u.scaled(np.array([-1.0]))
    made = AnyFunctionActivation.of(reader.atoms, "exp_linear", minus, place)
    return made.scaled(-c / under.bias)


def _power(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    """z to a constant power: products for small whole ones, else a table. Any other power a^z is
    exp(z log(a))."""
    exponent = reader.constants.get(node.input[1])
    if exponent is not None and len(values := np.unique(exponent)) == 1:
        z, shape = reader.affine(place, node.input[0])
        shape = np.broadcast_shapes(shape, exponent.shape)
        rows = np.broadcast_to(np.arange(z.size).reshape(reader.tensor(node.input[0]).shape), shape)
        raised = power(reader, place, z.pick(rows.reshape(-1)), float(values[0]))
        return [ShapedForm(Form(raised, {}), shape)]
    (a, b), shape = broadcast(reader, place, *(reader.tensor(name) for name in node.input))
    base = reader.atoms.affine(place, a)
    if not base.terms:
        if not np.all(base.bias > 0):
            fact = (
                f"raises {base.bias.min():g}, which is not positive, to a power that is no constant"
            )
            raise ElegansError(place, fact, "write it as exp(b log(a)), for positive a")
        return [exponential(reader, place, ShapedForm(b.scaled(np.log(base.bias)), shape))]
    log = AnyFunctionActivation.of(reader.atoms, "log", base, place)
    total = VectorProductGate.of(reader.atoms, reader.atoms.affine(place, b), log)
    return [exponential(reader, place, ShapedForm(Form(total, {}), shape))]


def power(reader: Reader, place: str, z: Affine, p: float) -> Affine:
    """z^p of a constant p, element by element."""
    atoms = reader.atoms
    if p == 0.0:
        return Affine.constant(np.ones(z.size))
    if p == 1.0:
        return z
    if p in range(2, _MOST_PRODUCTS + 1):
        square = VectorProductGate.of(atoms, z, z)
        return {2: lambda: square, 3: lambda: VectorProductGate.of(atoms, square, z)}.get(
            int(p), lambda: VectorProductGate.of(atoms, square, square)
        )()
    kind = "sqrt" if p == 0.5 else "root" if p > 0 else "power"
    kind = "whole_power" if p > 0 and p == int(p) else kind
    return AnyFunctionActivation.of(atoms, kind, z, place, 0.0 if kind == "sqrt" else p)


def _p_relu(reader: Reader, place: str, node: onnx.NodeProto, _: Attributes) -> Outputs:
    """max(z, 0) + slope min(z, 0) = slope z + (1 - slope) relu(z)."""
    z, shape = reader.affine(place, node.input[0])
    slope = reader.constants.get(node.input[1])
    if slope is None:
        raise ElegansError(place, "takes a slope that is not constant", "use constant slopes")
    slopes = np.broadcast_to(slope, shape).reshape(-1).astype(np.float64)
    rectified = reader.atoms.of(reader.atoms.add(ReluActivation(z)))
    return [ShapedForm(Form(z.scaled(slopes).plus(rectified.scaled(1.0 - slopes)), {}), shape)]


FUNCTION_RULES: dict[str, Rule] = {
    "Exp": _exp,
    "Atan": of_one_argument(atan),
    "Log": of_one_argument(_log),
    "Pow": _power,
    "PRelu": _p_relu,
    **{
        name: _tabled(name.lower())
        for name in (
            *("Acos", "Acosh", "Asin", "Asinh", "Atanh", "Cos", "Cosh", "Sin", "Sinh"),
            *("Softsign", "Sqrt", "Tan"),
        )
    },
}
