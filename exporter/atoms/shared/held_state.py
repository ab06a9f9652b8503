"""What gates share that make a next state of 32 bits from parts of states and what comes in."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Atom, Gate
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.fixed_model import Argument, Window
from elegans.exporter.ir.spans import Span, integer_ends, reach, span_frac, window_span
from elegans.exporter.numbers.fixed import INT16_MAX, INT32_MAX, Integers

_FINEST, _LOWER = 15, 16  # fractional bits of the upper half, and those below it
_MOST_FRAC = 30  # of a factor
_MOST_LEFT = 15  # of what comes in in 32 bits
_LEAST_ROOM = 2  # bits of a sum, for what it may have before it is held
_MARGIN = 1 + 2.0**-6  # for what the integers of the parts are rounded by


@dataclass(frozen=True)
class HeldStateGate(Gate):
    """Parts of old states and `c`, what comes in; the sum is held where the state is.

    The sum is taken in units of 2^room of the state's 32 bits, so that it fits int32 however far
    intervals let it go, and the state's own format needs no room for it.
    """

    h: Window
    c: Window

    general: ClassVar[str | None] = "state"
    open_ended: ClassVar[bool] = True
    carriers: ClassVar[tuple[str, ...]] = ("h",)
    reason: ClassVar[str] = "an interval that no step leaves"
    takes_halves: ClassVar[bool] = True
    """Whether there is an op of it whose c has 32 bits."""

    @abstractmethod
    def kept(self, atoms: dict[str, Atom], spans: dict[str, Span]) -> float:
        """How far the parts of old states can go."""

    def _comes_in(self, atoms: dict[str, Atom], spans: dict[str, Span]) -> float:
        """How far c can go; more than twice what it is added to has no other effect than that."""
        most = self.kept(atoms, spans) + float(reach(window_span(self.h, spans)).max())
        return min(float(reach(window_span(self.c, spans)).max()), 2.0 * most)

    def wide_frac(self, atoms: dict[str, Atom], spans: dict[str, Span], own: Span) -> int:
        most = max(float(reach(part).max()) for part in (own, window_span(self.h, spans)))
        return min(_FINEST, math.floor(math.log2((INT16_MAX - 1) / most))) if most else _FINEST

    def wide_ends(self, frac: int, lo: float, hi: float) -> tuple[int, int]:
        return integer_ends(frac, lo, hi)

    def part_fracs(self, spans: dict[str, Span], own: Span) -> dict[Window, Integers]:
        """c as fine as its own range allows; `lower` brings it to what its sum takes."""
        return {self.c: np.full(self.size, span_frac(window_span(self.c, spans)))}

    def room(self, to: Builder, frac: int) -> int:
        """The bits of a sum in which the state has `frac` fractional bits above the lower half."""
        most = self.kept(to.atoms, to.spans) + self._comes_in(to.atoms, to.spans)
        return max(_LEAST_ROOM, math.ceil(math.log2(max(most * _MARGIN, 1e-9))) + frac - 15)

    def incoming(
        self, to: Builder, called: VectorName, frac: int, room: int
    ) -> tuple[Argument, int, int | None]:
        """c for a sum, and its shift to the left; of 32 bits also where it saturates."""
        unit = frac + _LOWER - room
        most = self._comes_in(to.atoms, to.spans) * _MARGIN
        whole = whole_change(to, called, self.c, unit) if self.takes_halves else None
        if whole is not None:
            return *whole, min(math.ceil(math.ldexp(most, unit)), INT32_MAX >> 1)
        end = np.array([self._comes_in(to.atoms, to.spans)])
        c_frac = int(np.clip(span_frac((-end, end)), unit - 15, unit))
        fracs = np.full(self.size, c_frac)
        c = to.rescaled(f"{called.name}_c", called.layer, to.renamed(self.c), fracs)
        return (c,), unit - c_frac, None

    def old(self, to: Builder, called: VectorName, name: str) -> tuple[Window, int]:
        """The old state as halves, and the fractional bits of the upper ones."""
        frac = self.wide_frac(to.atoms, to.spans, to.spans[name])
        h = to.halves(f"{called.name}_h", called.layer, self.h, frac)
        return h, int(to.fracs(h)[0])

    def held(self, to: Builder, name: str, frac: int) -> tuple[Integers, Integers]:
        """The ends [size] of the state that this gate makes."""
        if name not in to.carried:
            ends = [self.wide_ends(frac, *pair) for pair in zip(*to.spans[name], strict=True)]
            lo, hi = np.array(ends, np.int64).T
            return np.maximum(lo, -INT16_MAX), hi
        window = to.carried[name]
        while window.vector != "h":
            window = to.carried[window.vector]
        known = to.interval(to.halves("", "", window, 0))
        return known.lo[: self.size], known.hi[: self.size]

    def fracs(self, frac: int) -> Integers:
        """The fractional bits of the halves."""
        return np.repeat([frac, frac + _LOWER], self.size)


def whole_change(
    to: Builder, called: VectorName, c: Window, unit: int
) -> tuple[Argument, int] | None:
    """What comes in, if it has 32 bits, as halves, and its shift to the left to `unit` fractional
    bits, -30..15; None where it has 16 bits, or the shift would be another."""
    if to.renamed(c).vector not in to.in_halves:
        return None
    fracs = to.fracs(to.renamed(c))
    argument: Argument = to.whole(f"{called.name}_c", called.layer, c)
    if np.ptp(fracs):
        form = Affine.of(c, len(to.spans[c.vector][0]))
        made = to.sums(f"{called.name}_c", called.layer, form, np.full(c.size, fracs.min()))
        if made is None:
            return None
        fracs, argument = to.fracs(made), (Window(made.vector, 0, 2 * c.size),)
    left = unit - int(fracs[0]) - _LOWER
    return (argument, left) if -_MOST_FRAC <= left <= _MOST_LEFT else None


def factor_frac(window: Window, spans: dict[str, Span]) -> int:
    """The fractional bits of a factor; a factor of 1, which keeps a state as it is, is exact."""
    span = window_span(window, spans)
    frac = span_frac(span)
    frac -= bool(np.any(np.ldexp(reach(span), frac) > INT16_MAX))
    return int(np.clip(frac, 1, _MOST_FRAC))


def factors(
    to: Builder, called: VectorName, parts: dict[str, tuple[Window, int]]
) -> tuple[list[Window], int]:
    """Factors of states in one format for all elements, and its fractional bits.

    parts  by its role, a factor, and the fractional bits that the state which it multiplies has
           less than the others
    """
    frac = min(factor_frac(window, to.spans) - lifted for window, lifted in parts.values())
    made = []
    for role, (window, lifted) in parts.items():
        fracs, whole = np.full(window.size, frac + lifted), f"{called.name}_{role}"
        made.append(to.rescaled(whole, called.layer, to.renamed(window), fracs))
    return made, frac
