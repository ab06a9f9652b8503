"""x - max(x): what softmax and the greatest element of a vector are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, hull, span_frac, window_span
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.ops.below_greatest import BelowGreatest


@dataclass(frozen=True)
class BelowGreatestGate(Gate):
    """How far each element lies below the greatest one."""

    x: Window

    general: ClassVar[str | None] = "reduction"
    open_ended: ClassVar[bool] = True
    reason: ClassVar[str] = "the width of an interval that the step bounds"

    def real(self, *parts: Reals) -> Reals:
        (x,) = parts
        return np.asarray(x - x.max(axis=-1, keepdims=True))

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        lo, hi = window_span(self.x, spans)
        return lo - hi.max(), np.minimum(hi - lo.max(), 0.0)

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        frac = span_frac(hull(own, window_span(self.x, spans)))
        return {self.x: np.full(self.size, frac)}

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        (fracs,) = self.part_fracs(to.spans, to.spans[name]).values()
        x = to.rescaled(f"{called.name}_x", called.layer, to.renamed(self.x), fracs)
        to.step(called.name, called.layer, BelowGreatest(self.size), ((x,),), fracs)


GATE = BelowGreatestGate
