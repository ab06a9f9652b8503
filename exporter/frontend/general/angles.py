"""atan(n / d) of any n and d, as exporters write atan2: a divisor of zero is a quarter turn."""

from __future__ import annotations

import math

import numpy as np

from elegans.exporter.atoms.activations.absolute import AbsoluteActivation
from elegans.exporter.atoms.activations.any_function import AnyFunctionActivation
from elegans.exporter.atoms.activations.relu import ReluActivation
from elegans.exporter.atoms.gates.part import PartGate
from elegans.exporter.atoms.gates.ratio import RatioGate
from elegans.exporter.frontend.general.choices import above, choose, extremum
from elegans.exporter.frontend.reader import Reader
from elegans.exporter.frontend.reference_rules import Attributes
from elegans.exporter.ir.affine import Affine

_LEAST = 1e-4  # a divisor; below it there are no digits to divide
_MINUS = np.array([-1.0])


def atan(reader: Reader, place: str, z: Affine, _: Attributes) -> Affine:
    """atan of a quotient whose divisor may be zero by the lesser over the greater; else a table."""
    found = z.factor()
    gate = None if found is None else reader.atoms.found.get(found[0].vector)
    plain = found is None or np.any(z.bias) or np.any(found[1] != 1.0)
    if not isinstance(gate, RatioGate) or plain or found is None or found[0].size != z.size:
        return AnyFunctionActivation.of(reader.atoms, "atan", z, place)
    rows = np.arange(found[0].lo, found[0].hi)
    n, d = (reader.atoms.of(window).pick(rows) for window in gate.parts)
    if _positive(reader, gate):
        return AnyFunctionActivation.of(reader.atoms, "atan", z, place)
    return _of_both(reader, place, n, d)


def _positive(reader: Reader, gate: RatioGate) -> bool:
    """Whether a divisor is a positive constant and rectified vectors."""
    drive = getattr(reader.atoms.found.get(gate.d.vector), "drive", None)
    if drive is None or not np.all(drive.bias > 0):
        return False
    atoms = (reader.atoms.found.get(vector) for vector in drive.terms)
    rising = all(matrix.data.min(initial=0.0) >= 0 for matrix in drive.terms.values())
    return rising and all(isinstance(a, (ReluActivation, AbsoluteActivation)) for a in atoms)


def _of_both(reader: Reader, place: str, n: Affine, d: Affine) -> Affine:
    atoms = reader.atoms
    a, b = (atoms.of(atoms.add(AbsoluteActivation(atoms.of(atoms.map(z))))) for z in (n, d))
    least = Affine.constant(np.full(n.size, _LEAST))
    greater = extremum(reader, extremum(reader, a, b, 1), least, 1)
    part = PartGate(atoms.map(extremum(reader, a, b, -1)), atoms.map(greater), place)
    angle = AnyFunctionActivation.of(atoms, "atan", atoms.of(atoms.add(part)), place)
    quarter = Affine.constant(np.full(n.size, math.pi / 2)).plus(angle.scaled(_MINUS))
    steep = above(reader, a.plus(b.scaled(_MINUS)))
    angle = choose(reader, steep, quarter, angle)
    below = above(reader, n.scaled(_MINUS)).plus(above(reader, d.scaled(_MINUS)))
    differ = above(reader, below.plus(Affine.constant(np.full(n.size, -1.0))), "equal")
    return choose(reader, differ, angle.scaled(_MINUS), angle)
