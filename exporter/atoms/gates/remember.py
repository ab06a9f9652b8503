"""A h + c: a linear memory, as of Legendre polynomials (LMU, HiPPO) or a discretised system."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import sparse

from elegans.exporter.atoms.shared.held_state import HeldStateGate
from elegans.exporter.atoms.shared.weighted_mean import form_of
from elegans.exporter.ir.affine import Affine
from elegans.exporter.ir.atom import Atom
from elegans.exporter.ir.builder import Builder, VectorName
from elegans.exporter.ir.spans import Span, affine_span, reach, window_span
from elegans.exporter.numbers.fixed import Integers, Reals, round_half_up
from elegans.exporter.ops.remember import Remember

_MOST_DIGITS = 12
_FULL = 17  # bits: n upper halves times as many digits stay in int32


@dataclass(frozen=True)
class RememberGate(HeldStateGate):
    """The states of a memory, and what comes in.

    matrix  A, row by row
    """

    matrix: tuple[tuple[float, ...], ...]

    takes_halves: ClassVar[bool] = False

    def real(self, *parts: Reals) -> Reals:
        h, c = parts
        found: Reals = h @ np.array(self.matrix).T + c
        return found

    def affine(self, *parts: Affine) -> Affine | None:
        h, c = parts
        return h.times(sparse.csr_array(np.array(self.matrix))).plus(c)

    def names(self, atoms: dict[str, Atom]) -> tuple[str, ...]:
        return ("old", "new")

    def span(self, name: str, atoms: dict[str, Atom], spans: dict[str, Span]) -> Span:
        """That of both together."""
        memory = Affine.of(self.h, len(spans["h"][0])).times(np.array(self.matrix))
        return affine_span(memory.plus(form_of(self.c, atoms, spans)), spans)

    def kept(self, atoms: dict[str, Atom], spans: dict[str, Span]) -> float:
        return float((np.abs(self.matrix) @ reach(window_span(self.h, spans))).max())

    def room(self, to: Builder, frac: int) -> int:
        """As much as the sum of magnitudes takes, and the greatest element of A."""
        most = float(np.abs(self.matrix).max())
        rows = float(np.abs(self.matrix).sum(axis=1).max())
        return max(super().room(to, frac), *(math.ceil(math.log2(n)) for n in (2.1 * most, rows)))

    def lower(self, to: Builder, name: str, called: VectorName) -> None:
        h, frac = self.old(to, called, name)
        room = self.room(to, frac)
        c, left, _ = self.incoming(to, called, frac, room)
        digits = min(_MOST_DIGITS, _FULL - math.ceil(math.log2(self.size + 1)))
        coarse, fine = _in_two(np.array(self.matrix), 16 - room, digits)
        op = Remember(coarse, fine, room, digits, left, *self.held(to, name, frac))
        to.step(called.name, called.layer, op, ((h,), c), self.fracs(frac))


def _in_two(matrix: Reals, frac: int, digits: int) -> tuple[Integers, Integers]:
    """A matrix as int16 of `frac` fractional bits, and as many more below as `digits`."""
    whole = round_half_up(np.ldexp(matrix, frac + digits))
    coarse = (whole + (1 << (digits - 1))) >> digits
    return coarse, whole - (coarse << digits)


GATE = RememberGate
