"""max(a, b) and min(a, b), element by element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.shared import in_32_bits
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import (
    Span,
    element_fracs,
    hull,
    integer_ends,
    span_frac,
    window_span,
)
from elegans.exporter.numbers.fixed import INT16_MAX, Integers, Reals
from elegans.exporter.ops.extremum import Extremum
from elegans.exporter.ops.wide_extremum import WideExtremum


@dataclass(frozen=True)
class ExtremumGate(Gate):
    """The greater of two vectors; the lesser with sign -1."""

    a: Window
    b: Window
    sign: int = 1

    general: ClassVar[str | None] = "comparison"
    open_ended: ClassVar[bool] = True
    effort: ClassVar[int] = 24
    wide_alone: ClassVar[bool] = True
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
        if name in to.results:
            self._lower_wide(to, name, called, fracs)
            return
        parts = (
            to.rescaled(f"{called.name}_{role}", called.layer, to.renamed(window), fracs)
            for role, window in zip("ab", self.parts, strict=True)
        )
        arguments = tuple((part,) for part in parts)
        to.step(called.name, called.layer, Extremum(self.sign), arguments, fracs)

    def wide_frac(self, atoms: dict[str, Atom], spans: dict[str, Span], own: Span) -> int:
        """Both vectors fit, however far they are from where the state is held."""
        return span_frac(hull(own, hull(*(window_span(w, spans) for w in self.parts)))) - 1

    def wide_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        least, most = integer_ends(frac, lo, hi)
        return max(least, -INT16_MAX), most

    def _lower_wide(self, to: Builder, name: str, called: VectorName, fracs: Integers) -> None:
        """In the format of the state that it is, or of both vectors."""
        state, fracs = to.state_of(name), fracs - 1
        if state is not None:
            fracs = to.fracs(state)[: self.size]
        arguments = [
            in_32_bits.at_one_scale(to, called, role, window, fracs)
            for role, window in zip("ab", self.parts, strict=True)
        ]
        if any(np.any(own != fracs) for _, own in arguments):
            raise ElegansError(called.name, "has no format of 32 bits", "declare narrower ranges")
        lo, hi = in_32_bits.whole_ends(fracs, to.spans[name])
        if state is not None:
            known = to.interval(state)
            lo, hi = known.lo[: self.size], known.hi[: self.size]
        op, inputs = WideExtremum(self.sign, lo, hi), tuple(a for a, _ in arguments)
        to.step(called.name, called.layer, op, inputs, in_32_bits.both(fracs))
        to.in_halves.add(called.name)


GATE = ExtremumGate
