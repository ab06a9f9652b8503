"""n / d of any two vectors, of which d keeps one sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.shared import in_32_bits
from elegans.exporter.atoms.shared.weighted_mean import form_of, ratio_span, with_images
from elegans.exporter.errors import ElegansError
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import (
    Span,
    affine_span,
    integer_ends,
    span_frac,
    window_span,
)
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.ops.quotient import Quotient

_MOST_SHIFT = 15  # of a dividend, so that it stays in int32
_FAR = 1e5  # a divisor beyond which a range is only a guess of the search for bounds


@dataclass(frozen=True)
class RatioGate(Gate):
    """n / d, each in a format of its own.

    place  of the node that divides, for errors
    """

    n: Window
    d: Window
    place: str = ""

    general: ClassVar[str | None] = "quotient"
    open_ended: ClassVar[bool] = True
    effort: ClassVar[int] = 40
    reason: ClassVar[str] = "a quotient of intervals that the step leads back into"

    @property
    def formula(self) -> str:
        return "(n / d)"

    def real(self, *parts: Reals) -> Reals:
        n, d = parts
        return n / d

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        if not np.all(np.isfinite([window_span(w, spans) for w in self.parts])):
            return np.full(self.size, -np.inf), np.full(self.size, np.inf)
        over, under = (form_of(w, atoms, spans) for w in self.parts)
        spans = with_images(under, atoms, spans)
        lo, hi = affine_span(under, spans)
        if lo.min() <= 0.0 <= hi.max():
            if np.abs([lo, hi]).max() > _FAR:
                return np.full(self.size, -np.inf), np.full(self.size, np.inf)
            raise self._near_zero(lo, hi)
        if hi.max() < 0.0:
            minus = np.array([-1.0])
            over, under = over.scaled(minus), under.scaled(minus)
        return ratio_span(over, under, spans)

    def _near_zero(self, lo: Reals, hi: Reals) -> ElegansError:
        return ElegansError(
            self.place or "a quotient",
            f"divides by what can be {lo.min():.4g}..{hi.max():.4g}",
            "keep the divisor away from zero: add a constant to what is never negative "
            "(Abs, Relu, Softplus, Exp, a square), or Clip it",
        )

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        n_frac, d_frac, _, _ = self._formats(spans, own)
        return {self.n: np.full(self.size, n_frac), self.d: np.full(self.size, d_frac)}

    def _formats(self, spans: dict[str, Span], own: Span) -> tuple[int, int, int, int]:
        """The fractional bits of n, d and the result, and the shift of n in between."""
        n_frac, d_frac = (span_frac(window_span(w, spans)) for w in self.parts)
        y_frac = self.result_frac(spans, own)
        shift = y_frac - n_frac + d_frac
        if shift > _MOST_SHIFT:
            y_frac -= shift - _MOST_SHIFT
        elif shift < 0:
            n_frac += shift
        return n_frac, d_frac, y_frac, min(max(shift, 0), _MOST_SHIFT)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        """One format for each of n, d and the result: the finest that fit each other."""
        own = to.spans[name]
        if name in to.results:
            frac = self.result_frac(to.spans, own) if self.in_unit_interval else None
            in_32_bits.quotient(to, called, (self.n, self.d), own, frac)
            return
        n_frac, d_frac, y_frac, shift = self._formats(to.spans, own)
        below = window_span(self.d, to.spans)[1].max() < 0.0
        arguments = []
        for role, window, frac in zip("nd", self.parts, (n_frac, d_frac), strict=True):
            fracs, whole = np.full(self.size, frac), f"{called.name}_{role}"
            if below:
                minus = Affine.of(window, len(to.spans[window.vector][0])).scaled(np.array([-1.0]))
                arguments.append(to.linear(whole, called.layer, minus, fracs))
            else:
                arguments.append(to.rescaled(whole, called.layer, to.renamed(window), fracs))
        ends = [integer_ends(y_frac, float(lo), float(hi)) for lo, hi in zip(*own, strict=True)]
        op = Quotient(shift, *(np.array([end[k] for end in ends]) for k in (0, 1)))
        inputs = tuple((w,) for w in arguments)
        to.step(called.name, called.layer, op, inputs, np.full(self.size, y_frac))


GATE = RatioGate
