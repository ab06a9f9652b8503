"""h' = u h + v g + c: a state turns with another one and keeps 32 bits, as complex ones do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Integers, Interval, Value, constant, halves, whole
from elegans.exporter.numbers.held_states import Incoming, held_range
from elegans.exporter.ops import WIDE, Table, frozen_integers


@dataclass(frozen=True, eq=False)
class Turn(Incoming):
    """h' = u h + v g + c, held where its upper half is lo..hi, as halves.

    h, g    [..., 2 size] halves of 32-bit states in one format
    u, v    [..., size] down + 16 - room fractional bits
    c       [..., size] what comes in

    and the rest as in `Keep`.
    """

    room: int
    down: int
    left: int
    lo: Integers
    hi: Integers

    kernel: ClassVar[str] = "turn"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("lo", "hi"):
            object.__setattr__(self, name, frozen_integers(getattr(self, name), 1))

    def integer(self, h: Value, u: Value, g: Value, v: Value, c: Value) -> tuple[Value, Value]:
        n = len(self.lo)
        kept = (whole(h[..., 0:n], h[..., n : 2 * n]) * u) >> 16 >> self.down
        turned = (whole(g[..., 0:n], g[..., n : 2 * n]) * v) >> 16 >> self.down
        moved = kept + turned + self.incoming(c)
        one = 1 << (16 - self.room)
        held = moved.clip(constant(self.lo * one, h), constant(self.hi * one, h))
        return halves(held * (1 << self.room))

    def real(self, h: Value, u: Value, g: Value, v: Value, c: Value) -> tuple[Value, Value]:
        n, unit = len(self.lo), 2.0 ** (self.room - 16)
        h, g = (w[..., 0:n] + w[..., n : 2 * n] * 2.0**-16 for w in (h, g))
        lo, hi = (constant(np.asarray(end, np.float64), h) for end in (self.lo, self.hi))
        moved = ((h * u + g * v) * 2.0**-self.down + self.incoming_real(c)) * unit
        return moved.clip(lo, hi), 0.0 * h

    def range(
        self, h: Interval, u: Interval, g: Interval, v: Interval, c: Interval
    ) -> tuple[Interval, Interval]:
        n = len(self.lo)
        kept, turned = (
            ((w[..., 0:n].reach() + 1) * by.reach() >> self.down) + 1 for w, by in ((h, u), (g, v))
        )
        return held_range(kept + turned + self.incoming_reach(c), self.lo, self.hi)

    def tables(self) -> list[Table]:
        return [
            Table("lo", "int16_t", self.lo, "least upper half of each state"),
            Table("hi", "int16_t", self.hi, "greatest upper half of each state"),
        ]

    def scalars(self) -> list[int]:
        return [self.room, self.down, self.left]


OP = Turn
