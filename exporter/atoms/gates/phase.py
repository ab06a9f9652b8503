"""h + c modulo 1: the phase of an oscillation, or a time that begins again (Phased LSTM)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, constant_span, span_frac, window_span
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.ops.wrap import TURN, Wrap

_UPPER = TURN - 16  # fractional bits of the upper half


@dataclass(frozen=True)
class PhaseGate(Gate):
    """The fraction of a turn that a state has come, and its change in a step."""

    h: Window
    c: Window

    general: ClassVar[str | None] = "remainder"
    jumps: ClassVar[bool] = True
    carriers: ClassVar[tuple[str, ...]] = ("h",)
    reason: ClassVar[str] = "a fraction of a turn"

    def real(self, *parts: Reals) -> Reals:
        h, c = parts
        turned: Reals = h + c - np.floor(h + c)
        return turned

    def names(self, atoms: dict[str, Atom]) -> tuple[str, ...]:
        return ("old", "change")

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        return constant_span(self.size, 0.0, 1.0)

    def wide_frac(self, atoms: dict[str, Atom], spans: dict[str, Span], own: Span) -> int:
        return _UPPER

    def wide_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        return 0, 1 << _UPPER

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        frac = int(np.clip(span_frac(window_span(self.c, spans)), TURN - 14, TURN))
        return {self.c: np.full(self.size, frac)}

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        h = to.halves(f"{called.name}_h", called.layer, self.h, _UPPER)
        (fracs,) = self.part_fracs(to.spans, to.spans[name]).values()
        c = to.rescaled(f"{called.name}_c", called.layer, to.renamed(self.c), fracs)
        op = Wrap(self.size, TURN - int(fracs[0]))
        whole = np.repeat([_UPPER, TURN], self.size)
        to.step(called.name, called.layer, op, ((h,), (c,)), whole)


GATE = PhaseGate
