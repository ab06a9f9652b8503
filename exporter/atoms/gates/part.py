"""n / (n + r) with r never below zero: a part of a whole, in [0, 1]. Softmax is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.activations.any_function import AnyFunctionActivation
from elegans.exporter.atoms.gates.ratio import RatioGate
from elegans.exporter.atoms.shared.rectified import RectifiedActivation
from elegans.exporter.atoms.shared.weighted_mean import form_of, with_images
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.spans import Span, affine_span

_FRAC = 15  # of a gate
_FUNCTIONS = ("exp", "root", "sqrt")  # that are never negative


@dataclass(frozen=True)
class PartGate(RatioGate):
    """A quotient that a cell may multiply by as it does by a gate: it is in Q0.15.

    full  whether the whole is known to be at least 1, whatever intervals say: it has a part exp(0)
    """

    full: bool = False

    in_unit_interval: ClassVar[bool] = True
    reason: ClassVar[str] = "a part of a whole"

    @classmethod
    def of(cls, atoms: AtomTable, over: Affine, under: Affine, place: str) -> RatioGate | None:
        """This gate, if what the divisor has besides the dividend is never negative."""
        rest = under.plus(over.scaled(np.array([-1.0])))
        if not (_never_negative(atoms, over) and _never_negative(atoms, rest)):
            return None
        return cls(atoms.map(over), atoms.map(under), place)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        """Within [0, 1], whatever intervals say of a divisor that the dividend is a part of."""
        lo, hi = self._divisors(atoms, spans)
        if self.full or not (np.all(np.isfinite([lo, hi])) and lo.min() > 0.0):
            return np.zeros(self.size), np.ones(self.size)
        least, most = super().span(name, atoms, spans)
        return np.clip(least, 0.0, 1.0), np.clip(most, 0.0, 1.0)

    def _divisors(self, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        under = form_of(self.d, atoms, spans)
        return affine_span(under, with_images(under, atoms, spans))

    def result_frac(self, spans: dict[str, Span], own: Span) -> int:
        return _FRAC

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        lo, hi = self._divisors(to.atoms, to.spans)
        if not (self.full or lo.min() > 0.0):
            raise self._near_zero(lo, hi)
        super().lower(to, name, called)


def _never_negative(atoms: AtomTable, form: Affine) -> bool:
    """Whether a form is a sum of vectors that are never negative, and of a constant that is not."""
    return bool(
        np.all(form.bias >= 0.0)
        and all(
            matrix.data.min(initial=0.0) >= 0.0 and _positive(atoms.found.get(vector))
            for vector, matrix in form.terms.items()
        )
    )


def _positive(atom: Atom | None) -> bool:
    if isinstance(atom, AnyFunctionActivation):
        return atom.kind in _FUNCTIONS
    return atom is not None and (atom.in_unit_interval or isinstance(atom, RectifiedActivation))


GATE = PartGate
