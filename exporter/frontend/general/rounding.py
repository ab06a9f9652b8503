"""Floor, ceil, round and the remainder of a division by a constant.

All of them are made of z - floor(z), which is exact in integers: z itself is a vector, and what is
subtracted from it are its own lower bits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from elegans.exporter.atoms.activations.fraction import FractionActivation
from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.errors import ElegansError
from elegans.exporter.frontend.activation_rules import of_one_argument
from elegans.exporter.frontend.general.choices import above, choose
from elegans.exporter.frontend.reader import Reader, ShapedForm
from elegans.exporter.frontend.reference_rules import Attributes, Outputs, Rule
from elegans.exporter.ir.affine import Affine, Form

_MINUS = np.array([-1.0])
_SAME = 1e-6  # of a coefficient: what float32 leaves of one that cancels


def _fraction(reader: Reader, z: Affine) -> Affine:
    """z - floor(z)."""
    if not z.terms:
        return Affine.constant(z.bias - np.floor(z.bias))
    whole = reader.atoms.of(reader.atoms.map(z))
    return reader.atoms.of(reader.atoms.add(FractionActivation(whole)))


def floor_of(reader: Reader, z: Affine) -> Affine:
    """The greatest whole numbers that are not above z."""
    if not z.terms:
        return Affine.constant(np.floor(z.bias))
    whole = reader.atoms.of(reader.atoms.map(z))
    return whole.plus(_fraction(reader, whole).scaled(_MINUS))


def cancelled(reader: Reader, form: Affine) -> Affine:
    """`a - m floor(a / m)` as m times the fraction of a / m, which is in 0..m whatever a is.

    A floor is a vector less its fraction; where the form that the vector is cancels in a sum, only
    the fraction is left.
    """
    for vector in list(form.terms):
        atom = reader.atoms.found.get(vector)
        if not isinstance(atom, FractionActivation):
            continue
        window = atom.drive.window()
        if window is None:
            continue
        source = reader.atoms.found.get(window.vector)
        if not isinstance(source, LinearMapActivation) or window.vector not in form.terms:
            continue
        written_out = source.drive.times(form.terms[window.vector])
        found = form.without(window.vector).plus(written_out)
        left = {v: abs(m).max() for v, m in found.terms.items() if v in written_out.terms}
        if all(most <= _SAME * abs(written_out.terms[v]).max() for v, most in left.items()):
            terms = {v: m for v, m in found.terms.items() if v not in left}
            bias = np.where(np.abs(found.bias) <= _SAME, 0.0, found.bias)
            return Affine(bias, terms)
    return form


def _rounded(function: Callable[[Reader, Affine], Affine]) -> Rule:
    def made(reader: Reader, place: str, z: Affine, _: Attributes) -> Affine:
        return function(reader, z)

    return of_one_argument(made)


def ceil_of(reader: Reader, z: Affine) -> Affine:
    """The least whole numbers that are not below z."""
    return floor_of(reader, z.scaled(_MINUS)).scaled(_MINUS)


def _round(reader: Reader, z: Affine) -> Affine:
    """floor(z + 1/2), less one where z ends in exactly a half and the result would be odd: ONNX
    takes the even neighbour."""
    up = z.plus(Affine.constant(np.full(z.size, 0.5)))
    if not up.terms:
        return Affine.constant(np.round(z.bias))
    whole = reader.atoms.of(reader.atoms.map(up))
    fraction = _fraction(reader, whole)
    floor = whole.plus(fraction.scaled(_MINUS))
    tie = above(reader, fraction, "equal")
    odd = _fraction(reader, floor.scaled(np.array([0.5]))).scaled(np.array([2.0]))
    both = tie.plus(odd).plus(Affine.constant(np.full(z.size, -1.5)))
    return floor.plus(above(reader, both).scaled(_MINUS))


def _mod(reader: Reader, place: str, node: onnx.NodeProto, given: Attributes) -> Outputs:
    """The remainder by a constant m: m times the fraction of z / m, with the sign of m, or with
    `fmod` that of z."""
    divisor = reader.constants.get(node.input[1])
    if divisor is None or not np.all(divisor):
        fact = f"divides by {node.input[1]!r}, which is no constant other than zero"
        raise ElegansError(place, fact, "write a - b floor(a / b), or make the divisor constant")
    z, shape = reader.affine(place, node.input[0])
    m = np.broadcast_to(divisor, shape).reshape(-1).astype(np.float64)
    up = _fraction(reader, z.over(m)).scaled(m)
    if not given.get("fmod"):
        return [ShapedForm(Form(up, {}), shape)]
    size = np.abs(m)
    below = z.scaled(_MINUS)
    positive = _fraction(reader, z.over(size)).scaled(size)
    negative = _fraction(reader, below.over(size)).scaled(-size)
    found = choose(reader, above(reader, z, "from"), positive, negative)
    return [ShapedForm(Form(found, {}), shape)]


ROUNDING_RULES: dict[str, Rule] = {
    "Ceil": _rounded(ceil_of),
    "Floor": _rounded(floor_of),
    "Mod": _mod,
    "Round": _rounded(_round),
}
