"""An affine form over another: LTC's step with a fixed sample period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.exporter.atoms.shared.weighted_mean import (
    WeightedMeanGate,
    common_fracs,
    form_of,
    may_be_negative,
    ratio_span,
)
from elegans.exporter.ir.affine import Affine, Form
from elegans.exporter.ir.atom import DT, PER_DT, Atom, Gate
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, affine_span, hull, window_span
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.ops.quotient import Quotient


@dataclass(frozen=True)
class QuotientGate(WeightedMeanGate):
    """numerator / denominator, a denominator that is proved to stay above zero."""

    numerator: Window
    denominator: Window

    def real(self, *parts: Reals) -> Reals:
        numerator, denominator = parts
        return numerator / denominator

    @classmethod
    def of_quotient(cls, atoms: AtomTable, over: Form, under: Form) -> Gate | None:
        timed = {PER_DT.vector, DT.vector} & set(under.affine.terms)
        if over.products or under.products or timed or not _draws(atoms, over.affine, under.affine):
            return None
        return cls(atoms.map(over.affine), atoms.map(under.affine))

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        """`(C v + I) / (C + G)` lies in the hull of v and I / G; any other quotient as it is."""
        over, under = (form_of(w, atoms, spans) for w in self.parts)
        for vector in over.terms:
            found = Affine(np.zeros(over.size), {vector: over.terms[vector]}).factor()
            if vector in under.terms or found is None or found[0].size != over.size:
                continue
            v, c = found
            leak = under.bias - c
            if np.all(c > 0) and np.all(leak >= 0):
                conductance = Affine(leak, under.terms)
                if affine_span(conductance, spans)[0].min() > 0:
                    drift = ratio_span(over.without(vector), conductance, spans)
                    return hull(window_span(v, spans), drift)
        return ratio_span(over, under, spans)

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        return dict.fromkeys(self.parts, common_fracs(self.parts, spans))

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        frac = self.potential_frac(to, name, called)
        lo, hi = self.hull_in_integers(to, name, frac)
        numerator, denominator = self.at_one_scale(to, called, "numerator", "denominator")
        arguments = ((numerator,), (denominator,))
        out_frac = np.full(self.size, frac)
        to.step(called.name, called.layer, Quotient(frac, lo, hi), arguments, out_frac)


def _draws(atoms: AtomTable, over: Affine, under: Affine) -> bool:
    """Whether the quotient is `(C v + I) / (C + G)`, a mean of v and I / G.

    What is no gate, and is subtracted, is no conductance.
    """
    if may_be_negative(atoms, under):
        return False
    for vector, matrix in under.terms.items():
        atom = atoms.found.get(vector)
        gate = atom is not None and atom.in_unit_interval
        if not gate and matrix.data.min(initial=0.0) < 0.0:
            return False
    for matrix in over.terms.values():
        found = Affine(np.zeros(over.size), {"v": matrix}).factor()
        if found is not None and found[0].size == over.size and np.all(found[1] > 0):
            return bool(np.all(under.bias >= found[1]))
    return False


GATE = QuotientGate
