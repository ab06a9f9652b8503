"""u h + c: a gated or diagonal recurrence whose gate no known cell has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elegans.exporter.atoms.shared.held_state import HeldStateGate, factor_frac, factors
from elegans.exporter.atoms.shared.weighted_mean import factor_span
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, reach, times, window_span
from elegans.exporter.numbers.fixed import Integers, Reals
from elegans.exporter.ops.keep import Keep
from elegans.exporter.ops.wide_keep import WideKeep


@dataclass(frozen=True)
class KeepGate(HeldStateGate):
    """A state of which the part u stays, and what comes in."""

    u: Window

    def real(self, *parts: Reals) -> Reals:
        h, c, u = parts
        return u * h + c

    def affine(self, *parts: Affine) -> Affine | None:
        h, c, u = parts
        return None if u.terms else h.scaled(u.bias).plus(c)

    def names(self, atoms: dict[str, Atom]) -> tuple[str, ...]:
        return ("old", "new", "part")

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        kept = times(factor_span(self.u, atoms, spans), window_span(self.h, spans))
        lo, hi = window_span(self.c, spans)
        return kept[0] + lo, kept[1] + hi

    def kept(self, atoms: dict[str, Atom], spans: dict[str, Span]) -> float:
        u, h = (reach(window_span(w, spans)) for w in (self.u, self.h))
        return float((u * h).max())

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        frac = np.full(self.size, factor_frac(self.u, spans))
        return super().part_fracs(spans, own) | {self.u: frac}

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        h, frac = self.old(to, called, name)
        (u,), u_frac = factors(to, called, {"u": (self.u, 0)})
        room = max(self.room(to, frac), 16 - u_frac)
        c, left, most = self.incoming(to, called, frac, room)
        given = room, u_frac + room - 16, left, *self.held(to, name, frac)
        op = Keep(*given) if most is None else WideKeep(*given, most)
        to.step(called.name, called.layer, op, ((h,), (u,), c), self.fracs(frac))


GATE = KeepGate
