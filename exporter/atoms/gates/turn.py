"""u h + v g + c: the real or the imaginary part of a diagonal recurrence of complex numbers."""

from __future__ import annotations

from dataclasses import dataclass

from elegans.exporter.atoms.shared.held_state import HeldStateGate, factors
from elegans.exporter.atoms.shared.weighted_mean import factor_span
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Window
from elegans.exporter.ir.spans import Span, reach, times, window_span
from elegans.exporter.numbers.fixed import Reals
from elegans.exporter.ops.turn import Turn
from elegans.exporter.ops.wide_turn import WideTurn


@dataclass(frozen=True)
class TurnGate(HeldStateGate):
    """A state of which the part u stays, the part v of another state g, and what comes in."""

    u: Window
    g: Window
    v: Window

    def real(self, *parts: Reals) -> Reals:
        h, c, u, g, v = parts
        return u * h + v * g + c

    def affine(self, *parts: Affine) -> Affine | None:
        h, c, u, g, v = parts
        return None if u.terms or v.terms else h.scaled(u.bias).plus(g.scaled(v.bias)).plus(c)

    def names(self, atoms: dict[str, Atom]) -> tuple[str, ...]:
        return ("old", "new", "part", "other", "turned")

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        kept, turned = (
            times(factor_span(u, atoms, spans), window_span(h, spans))
            for u, h in ((self.u, self.h), (self.v, self.g))
        )
        lo, hi = window_span(self.c, spans)
        return kept[0] + turned[0] + lo, kept[1] + turned[1] + hi

    def kept(self, atoms: dict[str, Atom], spans: dict[str, Span]) -> float:
        u, h, v, g = (reach(window_span(w, spans)) for w in (self.u, self.h, self.v, self.g))
        return float((u * h + v * g).max())

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        h, frac = self.old(to, called, name)
        g = to.halves(f"{called.name}_g", called.layer, self.g, frac)
        lifted = frac - int(to.fracs(g)[0])
        parts = {"u": (self.u, 0), "v": (self.v, lifted)}
        (u, v), u_frac = factors(to, called, parts)
        room = max(self.room(to, frac), 16 - u_frac)
        c, left, most = self.incoming(to, called, frac, room)
        given = room, u_frac + room - 16, left, *self.held(to, name, frac)
        op = Turn(*given) if most is None else WideTurn(*given, most)
        to.step(called.name, called.layer, op, ((h,), (u,), (g,), (v,), c), self.fracs(frac))


GATE = TurnGate
