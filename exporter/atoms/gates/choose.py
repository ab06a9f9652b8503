"""One of two vectors, element by element, by what a comparison gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, element_fracs, hull, window_span
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.ops.choose import Choose


@dataclass(frozen=True)
class ChooseGate(Gate):
    """a where c is 1, b where c is 0."""

    a: Window
    b: Window
    c: Window

    general: ClassVar[str | None] = "choice"
    open_ended: ClassVar[bool] = True
    reason: ClassVar[str] = "one of two vectors that the step bounds"

    def real(self, *parts: Reals) -> Reals:
        a, b, c = parts
        return np.where(c > 0.5, a, b)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        return hull(window_span(self.a, spans), window_span(self.b, spans))

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        fracs = element_fracs(own)
        return {self.c: np.zeros(self.size, np.int64), self.a: fracs, self.b: fracs}

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        fracs = element_fracs(to.spans[name])
        a, b = (
            to.rescaled(f"{called.name}_{role}", called.layer, to.renamed(window), fracs)
            for role, window in (("a", self.a), ("b", self.b))
        )
        whole = np.zeros(self.size, np.int64)
        c = to.rescaled(f"{called.name}_c", called.layer, to.renamed(self.c), whole)
        to.step(called.name, called.layer, Choose(), ((a,), (b,), (c,)), fracs)


GATE = ChooseGate
