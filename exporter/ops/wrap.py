"""h' = h + c, less whole turns: a phase, which begins again, and keeps 32 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Interval, RangeError, Value, halves, whole
from elegans.exporter.ops import WIDE, Table

TURN = 30
"""The fractional bits of a phase in 32 bits: a whole turn is 2^30."""


@dataclass(frozen=True, eq=False)
class Wrap:
    """h' = (h + c 2^left) modulo a turn, in 0..2^30 - 1, as halves.

    h     [..., 2 size] halves of phases of 30 fractional bits
    c     [..., size]
    left  0..14: the fractional bits of a phase less those of c
    """

    size: int
    left: int

    kernel: ClassVar[str] = "wrap"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True

    def integer(self, h: Value, c: Value) -> tuple[Value, Value]:
        n = self.size
        moved = whole(h[..., 0:n], h[..., n : 2 * n]) + c * (1 << self.left)
        return halves(moved - (moved >> TURN) * (1 << TURN))

    def real(self, h: Value, c: Value) -> tuple[Value, Value]:
        n, turn = self.size, 2.0 ** (TURN - 16)
        moved = h[..., 0:n] + h[..., n : 2 * n] * 2.0**-16 + c * 2.0 ** (self.left - 16)
        turns = moved / turn
        floor = turns.floor() if hasattr(turns, "floor") else np.floor(turns)
        return moved - floor * turn, 0.0 * moved

    def range(self, h: Interval, c: Interval) -> tuple[Interval, Interval]:
        upper = h[..., 0 : self.size]
        if upper.lo.min(initial=0) < 0 or upper.hi.max(initial=0) > 1 << (TURN - 16):
            raise RangeError("a phase is not within a turn")
        if self.left > 14:
            raise RangeError(f"a change is shifted by {self.left}")
        turns = np.full(self.size, 1 << (TURN - 16))
        lower = Interval.of(turns * 0 - (1 << 15), turns * 0 + (1 << 15) - 1)
        return Interval.of(turns * 0, turns), lower

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.left]


OP = Wrap
