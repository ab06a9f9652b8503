"""max(a, b) and min(a, b), element by element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, element_fracs, hull, window_span
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.ops.extremum import Extremum


@dataclass(frozen=True)
class ExtremumGate(Gate):
    """The greater of two vectors; the lesser with sign -1."""

    a: Window
    b: Window
    sign: int = 1

    general: ClassVar[str | None] = "comparison"
    open_ended: ClassVar[bool] = True
    effort: ClassVar[int] = 24
    reason: ClassVar[str] = "one of two vectors that the step bounds"

    @property
    def formula(self) -> str:
        return "max(a, b)" if self.sign > 0 else "min(a, b)"

    def real(self, *parts: Reals) -> Reals:
        return np.maximum(*parts) if self.sign > 0 else np.minimum(*parts)

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        a, b = (window_span(w, spans) for w in self.parts)
        lo, hi = (self.real(a[k], b[k]) for k in (0, 1))
        return lo, hi

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        both = hull(*(window_span(w, spans) for w in self.parts))
        return dict.fromkeys(self.parts, element_fracs(both))

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        fracs = element_fracs(hull(*(window_span(w, to.spans) for w in self.parts)))
        parts = (
            to.rescaled(f"{called.name}_{role}", called.layer, to.renamed(window), fracs)
            for role, window in zip("ab", self.parts, strict=True)
        )
        arguments = tuple((part,) for part in parts)
        to.step(called.name, called.layer, Extremum(self.sign), arguments, fracs)


GATE = ExtremumGate
