"""h' = u h + c: a state keeps a part of itself in 32 bits: a gated or diagonal recurrence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Integers, Interval, Value, constant, halves, whole
from elegans.exporter.numbers.held_states import Incoming, held_range
from elegans.exporter.ops import WIDE, Table, frozen_integers


@dataclass(frozen=True, eq=False)
class Keep(Incoming):
    """h' = u h + c, held where its upper half is lo..hi, as halves.

    h       [..., 2 size] halves of 32-bit states
    u       [..., size] the part that is kept; down + 16 - room fractional bits
    c       [..., size] what comes in
    room    1..15: sums are in units of 2^room of h, so that they have room before they are held
    down    0..30
    left    0..15: the fractional bits of h in 32 bits, less room and those of c
    lo, hi  [size] least and greatest upper half, more than -2^15

    All 48 bits of u h count, rounded down to a sum's unit.
    """

    room: int
    down: int
    left: int
    lo: Integers
    hi: Integers

    kernel: ClassVar[str] = "keep"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("lo", "hi"):
            object.__setattr__(self, name, frozen_integers(getattr(self, name), 1))

    def integer(self, h: Value, u: Value, c: Value) -> tuple[Value, Value]:
        n = len(self.lo)
        kept = (whole(h[..., 0:n], h[..., n : 2 * n]) * u) >> 16 >> self.down
        moved = kept + self.incoming(c)
        one = 1 << (16 - self.room)
        held = moved.clip(constant(self.lo * one, h), constant(self.hi * one, h))
        return halves(held * (1 << self.room))

    def real(self, h: Value, u: Value, c: Value) -> tuple[Value, Value]:
        n, unit = len(self.lo), 2.0 ** (self.room - 16)
        h = h[..., 0:n] + h[..., n : 2 * n] * 2.0**-16
        lo, hi = (constant(np.asarray(end, np.float64), h) for end in (self.lo, self.hi))
        moved = (h * u * 2.0**-self.down + self.incoming_real(c)) * unit
        return moved.clip(lo, hi), 0.0 * h

    def range(self, h: Interval, u: Interval, c: Interval) -> tuple[Interval, Interval]:
        n = len(self.lo)
        kept = ((h[..., 0:n].reach() + 1) * u.reach() >> self.down) + 1
        return held_range(kept + self.incoming_reach(c), self.lo, self.hi)

    def tables(self) -> list[Table]:
        return [
            Table("lo", "int16_t", self.lo, "least upper half of each state"),
            Table("hi", "int16_t", self.hi, "greatest upper half of each state"),
        ]

    def scalars(self) -> list[int]:
        return [self.room, self.down, self.left]


OP = Keep
