"""h + c: a state and its change in one step, as an explicit solver or a linear memory makes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.atoms.shared.held_state import whole_change
from elegans.exporter.atoms.shared.weighted_mean import form_of
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import (
    Span,
    affine_span,
    integer_ends,
    reach,
    span_frac,
    window_span,
)
from elegans.exporter.numbers.fixed import INT16_MAX, INT32_MAX, Integers, Reals
from elegans.exporter.ops.advance import Advance
from elegans.exporter.ops.clamp import Clamp
from elegans.exporter.ops.wide_advance import WideAdvance

_FINEST, _LOWER = 15, 16  # fractional bits of the upper half, and those below it
_FAR = 1e30  # in place of an end that there is not
_ROOM = 1 + 2.0**-9  # for what the integers of a change are rounded by


@dataclass(frozen=True)
class AdvanceGate(Gate):
    """h + c, whose c is small against h where the step is short.

    ends  where the sum is held, as a clipped integrator's is; 0 is between them
    """

    h: Window
    c: Window
    ends: tuple[float, float] = (-math.inf, math.inf)

    general: ClassVar[str | None] = "sum"
    open_ended: ClassVar[bool] = True
    carriers: ClassVar[tuple[str, ...]] = ("h",)
    reason: ClassVar[str] = "an interval that no step leaves"

    def real(self, *parts: Reals) -> Reals:
        h, c = parts
        return np.clip(h + c, *self.ends)

    def affine(self, *parts: Affine) -> Affine | None:
        h, c = parts
        return None if np.any(np.isfinite(self.ends)) else h.plus(c)

    def names(self, atoms: dict[str, Atom]) -> tuple[str, ...]:
        return ("old", "change")

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        """That of both together: a change by -h / 10 leaves nine tenths of h."""
        whole = Affine.of(self.h, len(spans[self.h.vector][0]))
        lo, hi = affine_span(whole.plus(form_of(self.c, atoms, spans)), spans)
        return np.clip(lo, *self.ends), np.clip(hi, *self.ends)

    def _change(self, spans: dict[str, Span]) -> tuple[int, float]:
        """The finest format of the change, and the most that it holds.

        More than the state's whole range has no other effect than just that.
        """
        state = float(reach(window_span(self.h, spans)).max())
        change = float(reach(window_span(self.c, spans)).max())
        if change <= 2.0 * state:
            return span_frac(window_span(self.c, spans)), change * _ROOM
        end = np.array([2.0 * state])
        frac = span_frac((-end, end))
        return frac, math.ldexp(1.0, 15 - frac)

    def wide_frac(self, atoms: dict[str, Atom], spans: dict[str, Span], own: Span) -> int:
        """The state and its change must fit int32 together, before the sum is held."""
        state = float(reach(window_span(self.h, spans)).max()) * _ROOM
        most = state + self._change(spans)[1]
        return min(_FINEST, math.floor(math.log2((INT16_MAX - 1) / most))) if most else _FINEST

    def wide_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        return integer_ends(frac, lo, hi)

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        frac = self.wide_frac({}, spans, own)
        c_frac = min(self._change(spans)[0], frac + _LOWER)
        return {self.c: np.full(self.size, max(c_frac, frac))}

    def _add_narrow(self, to: Builder, called: VectorName, whole: Affine, frac: Integers) -> None:
        """The sum in 16 bits, where it is no state of its own."""
        if not np.any(np.isfinite(self.ends)):
            to.linear(called.name, called.layer, whole, frac)
            return
        made = to.linear(f"{called.name}_sum", called.layer, whole, frac)
        lo, hi = integer_ends(int(frac[0]), *np.clip(self.ends, -_FAR, _FAR))
        clamp = Clamp(np.full(self.size, lo), np.full(self.size, hi))
        to.step(called.name, called.layer, clamp, ((made,),), frac)

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        if name not in to.carried:
            whole = Affine.of(self.h, len(to.spans[self.h.vector][0])).plus(
                Affine.of(self.c, len(to.spans[self.c.vector][0]))
            )
            frac = np.full(self.size, span_frac(to.spans[name]))
            self._add_narrow(to, called, whole, frac)
            return
        h = to.halves(f"{called.name}_h", called.layer, to.carried[name], 0)
        h_frac, ends = int(to.fracs(h)[0]), to.interval(h)
        fracs = np.repeat([h_frac, h_frac + _LOWER], self.size)
        wide = whole_change(to, called, self.c, h_frac + _LOWER)
        if wide is not None:
            room = INT32_MAX - ((ends.reach()[: self.size] << _LOWER) + (1 << 15))
            given = ends.lo[: self.size], ends.hi[: self.size], int(room.min())
            inputs = (h,), wide[0]
            to.step(called.name, called.layer, WideAdvance(wide[1], *given), inputs, fracs)
            return
        (c_fracs,) = self.part_fracs(to.spans, to.spans[name]).values()
        c = to.rescaled(f"{called.name}_c", called.layer, to.renamed(self.c), c_fracs)
        left = h_frac + _LOWER - int(c_fracs[0])
        # A map's integers may reach further than what is known of its values: the least int16.
        most = (INT32_MAX - ((ends.reach()[: self.size] << _LOWER) + (1 << 15))) >> left
        if np.any(to.interval(c).reach() > most):
            clamp = Clamp(-np.minimum(most, INT16_MAX), np.minimum(most, INT16_MAX))
            c = to.step(f"{called.name}_held", called.layer, clamp, ((c,),), c_fracs)
        op = Advance(left, ends.lo[: self.size], ends.hi[: self.size])
        to.step(called.name, called.layer, op, ((h,), (c,)), fracs)


GATE = AdvanceGate
