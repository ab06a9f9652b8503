"""f + t g: CfC without the complementary gate (mode `no_gate`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.shared.fixed_formats import HEADS, parts_in_formats
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import DT, Atom, Gate
from elegans.exporter.ir.builder import AtomTable, Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, window_span, with_zero
from elegans.exporter.numbers.fixed import INT16_MAX, Reals
from elegans.exporter.ops.gated_sum import GatedSum

_PART_FRAC, _RESULT_FRAC = 15, 14  # two heads in Q0.15 sum up to 2


@dataclass(frozen=True)
class GatedSumGate(Gate):
    """f + t g with t in [0, 1]."""

    f: Window
    g: Window
    t: Window

    reason: ClassVar[str] = "the sum of its two heads"

    def real(self, *parts: Reals) -> Reals:
        f, g, t = parts
        return f + t * g

    @classmethod
    def of_blend(cls, atoms: AtomTable, affine: Affine, t: Window, rate: Affine) -> Gate | None:
        f, g = affine.window(), rate.window()
        if t == DT or f is None or g is None:
            return None
        heads = all(isinstance(atoms.found.get(w.vector), HEADS) for w in (f, g))
        return cls(f, g, t) if heads else None

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        f, g = window_span(self.f, spans), with_zero(window_span(self.g, spans))
        return f[0] + g[0], f[1] + g[1]

    def result_frac(self, spans: dict[str, Span], own: Span) -> int:
        return _RESULT_FRAC

    def state_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        return -INT16_MAX, INT16_MAX  # heads that are tanh do not reach the least int16

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        op = GatedSum()
        parts = parts_in_formats(op, to, called, self.parts, _PART_FRAC)
        to.step(called.name, called.layer, op, parts, np.full(self.size, _RESULT_FRAC))


GATE = GatedSumGate
