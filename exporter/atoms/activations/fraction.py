"""z - floor(z): floor, ceil, round and the remainder of a division are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ir.atom import Activation, Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.spans import Span, span_frac
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops.fraction import Fraction

_FINEST = 15


@dataclass(frozen=True, eq=False)
class FractionActivation(Activation):
    """z - floor(z), in [0, 1)."""

    general: ClassVar[str | None] = "fraction"
    jumps: ClassVar[bool] = True
    reason: ClassVar[str] = "a fraction"

    def function(self, z: Reals) -> Reals:
        found: Reals = z - np.floor(z)
        return found

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = self.argument_span(spans, name)
        same = np.floor(lo) == np.floor(hi)
        return np.where(same, self.function(lo), 0.0), np.where(same, self.function(hi), 1.0)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        window = to.direct(self.drive)
        own = to.fracs(to.renamed(window)) if window is not None else np.zeros(0)
        if window is not None and own.min() == own.max() and 0 <= own[0] <= _FINEST:
            z, frac = to.renamed(window), int(own[0])
        else:
            frac = min(max(span_frac(self.argument_span(to.spans, name)), 0), _FINEST)
            fracs = np.full(self.size, frac)
            z = to.linear(f"{called.name}_sum", called.layer, self.drive, fracs)
        to.step(called.name, called.layer, Fraction(frac), ((z,),), np.full(self.size, frac))


ACTIVATION = FractionActivation
