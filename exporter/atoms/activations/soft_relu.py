"""silu, gelu, softplus, mish, elu: one function of one argument, also where a graph multiplies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.hard_sigmoid import HardSigmoidActivation
from elegans.exporter.atoms.activations.linear_map import LinearMapActivation
from elegans.exporter.atoms.activations.normal_cdf import NormalCdfActivation
from elegans.exporter.atoms.activations.sigmoid import SigmoidActivation
from elegans.exporter.atoms.activations.tanh import TanhActivation
from elegans.exporter.atoms.images.image import NARROWED, channels_of
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine, proportion
from elegans.exporter.ir.atom import Activation, Atom
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, element_fracs
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.numbers.soft_curves import (
    GELU,
    HARD_SWISH,
    MISH,
    SILU,
    SOFTPLUS,
    SoftCurve,
)
from elegans.exporter.ops.soft_relu import SoftRelu

_SAME = 1e-6  # relative, between constants in float32
_FINEST = 15  # fractional bits of the op's argument and result


@dataclass(frozen=True, eq=False)
class SoftReluActivation(Activation):
    """`curve` of the drive. Its range is exact: each curve falls, if at all, up to one argument.

    Every element has formats of its own, for the argument and for the result.
    """

    curve: SoftCurve = SILU

    effort: ClassVar[int] = 40
    reason: ClassVar[str] = "a function of an interval that no step leaves"

    @property
    def formula(self) -> str:
        return f"{self.curve.name}(z)"

    def function(self, z: Reals) -> Reals:
        result: Reals = self.curve.function(z)
        return result

    @classmethod
    def of_product(cls, atoms: AtomTable, u: Window, p: Affine) -> Affine | None:
        """`p * u`, if u is a gate of z and p is c z: then it is c times a curve of z.

        None if it is not.
        """
        found = _gate_of(atoms, u)
        if found is None:
            return None
        curve, argument = found
        z, v = unfolded(atoms, argument), unfolded(atoms, p)
        c = proportion(v, z)
        if not z.terms or not v.close_to(z.scaled(c)):
            return None
        if np.all(np.abs(c - 1.0) < _SAME):  # 6 (z / 6) in float32
            return cls.of(atoms, curve, v)
        return cls.of(atoms, curve, z).scaled(c)

    @classmethod
    def of(cls, atoms: AtomTable, curve: SoftCurve, z: Affine) -> Affine:
        """The curve of z as a vector; one that is known already is not added again."""
        for name, known in atoms.found.items():
            if isinstance(known, cls) and known.curve == curve and known.drive.close_to(z):
                return Affine.of(known.window(name), known.size)
        return atoms.of(atoms.add(cls(z, curve=curve)))

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = self.argument_span(spans, name)
        ends = self.function(lo), self.function(hi)
        return self.function(np.clip(self.curve.lowest, lo, hi)), np.maximum(*ends)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        z_frac = np.minimum(element_fracs(self.argument_span(to.spans, name)), _FINEST)
        y_frac = np.minimum(element_fracs(to.spans[name]), _FINEST)
        if channels_of(to.atoms, name) is not None:
            y_frac = np.maximum(y_frac - NARROWED, 0)
        if z_frac.min() < 0:
            raise ElegansError(
                f"{called.name}, {self.curve.name}",
                "has an argument that can exceed 32768",
                "declare a narrower --input-range, or train with smaller weights",
            )
        window = to.direct(self.drive)
        if window is None:
            sum_name = f"{called.name}_sum"
            z = to.linear(sum_name, called.layer, self.drive, z_frac, alike=True)
        else:
            z = to.rescaled(f"{called.name}_sum", called.layer, to.renamed(window), z_frac)
        op = SoftRelu.of(self.curve.name, z_frac, y_frac)
        to.step(called.name, called.layer, op, ((z,),), y_frac)


def is_tanh_of_softplus(atoms: AtomTable, atom: Atom | None) -> bool:
    """Whether an atom is tanh(softplus(z)), which lies in [0, 1]: mish is z times that."""
    return isinstance(atom, TanhActivation) and _softplus_of(atoms, atom) is not None


def _softplus_of(atoms: AtomTable, atom: Activation) -> Affine | None:
    window = None if atom.rate is not None else atom.drive.window()
    source = None if window is None else atoms.found.get(window.vector)
    if window is None or not isinstance(source, SoftReluActivation) or source.curve != SOFTPLUS:
        return None
    return source.drive.pick(np.arange(window.lo, window.hi))


def _gate_of(atoms: AtomTable, u: Window) -> tuple[SoftCurve, Affine] | None:
    """(curve, z) where u is a function of z and curve is z times that function."""
    gate, rows = atoms.found.get(u.vector), np.arange(u.lo, u.hi)
    if isinstance(gate, TanhActivation):
        inner = _softplus_of(atoms, gate)
        return None if inner is None else (MISH, inner.pick(rows))
    for kind, curve in ((SigmoidActivation, SILU), (NormalCdfActivation, GELU)):
        if isinstance(gate, kind) and gate.rate is None:
            return curve, gate.drive.pick(rows)
    if isinstance(gate, HardSigmoidActivation) and gate.rate is None:  # of z / 6 + 1 / 2
        z = gate.drive.pick(rows).plus(Affine.constant(np.full(len(rows), -0.5)))
        return HARD_SWISH, z.scaled(np.array([6.0]))
    return None


def unfolded(atoms: AtomTable, affine: Affine) -> Affine:
    """The form with a vector that is itself an affine form written out."""
    found = affine.factor()
    source = None if found is None else atoms.found.get(found[0].vector)
    if found is None or not isinstance(source, LinearMapActivation):
        return affine
    window, c = found
    rows = np.arange(window.lo, window.hi)
    if window.size != affine.size:
        rows = np.repeat(rows, affine.size)
    inner = source.drive.pick(rows).scaled(c)
    return inner.plus(Affine.constant(affine.bias))


ACTIVATION = SoftReluActivation
