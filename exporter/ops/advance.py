"""h' = h + c: a state goes on by a change that was computed in any way, and keeps 32 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    Integers,
    Interval,
    RangeError,
    Value,
    constant,
    halves,
    whole,
)
from elegans.exporter.numbers.held_states import Incoming
from elegans.exporter.ops import WIDE, Table, frozen_integers

_ONE = 1 << 16  # of an upper half, in units of 32 bits


@dataclass(frozen=True, eq=False)
class Advance(Incoming):
    """h' = h + c 2^left, held where its upper half is lo..hi, as halves.

    h       [..., 2 size] halves of 32-bit states
    c       [..., size]
    left    0..16: the fractional bits of h in 32 bits, less those of c
    lo, hi  [size] least and greatest upper half, more than -2^15

    The change is added to all 32 bits of h, so a change that is small against the state loses
    nothing. `range` proves that the sum fits before it is held.
    """

    left: int
    lo: Integers
    hi: Integers

    kernel: ClassVar[str] = "advance"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("lo", "hi"):
            object.__setattr__(self, name, frozen_integers(getattr(self, name), 1))

    def integer(self, h: Value, c: Value) -> tuple[Value, Value]:
        n = len(self.lo)
        moved = whole(h[..., 0:n], h[..., n : 2 * n]) + self.incoming(c)
        return halves(moved.clip(constant(self.lo * _ONE, h), constant(self.hi * _ONE, h)))

    def real(self, h: Value, c: Value) -> tuple[Value, Value]:
        n = len(self.lo)
        h = h[..., 0:n] + h[..., n : 2 * n] * 2.0**-16
        lo, hi = (constant(np.asarray(end, np.float64), h) for end in (self.lo, self.hi))
        return (h + self.incoming_real(c) * 2.0**-16).clip(lo, hi), 0.0 * h

    def range(self, h: Interval, c: Interval) -> tuple[Interval, Interval]:
        n = len(self.lo)
        upper = h[..., 0:n]
        change = self.incoming_reach(c)
        most = (upper.reach() << 16) + (1 << 15) + change
        if most.max() > INT32_MAX:
            raise RangeError(f"a state and its change reach {most.max()}, int32 ends before")
        if self.lo.min() <= INT16_MIN:
            raise RangeError("a 32-bit state can reach the least int16")
        lo, hi = self.incoming_ends(c)
        least, greatest = upper.lo + (lo >> 16) - 1, upper.hi + (hi >> 16) + 2
        found = Interval.of(np.clip(least, self.lo, self.hi), np.clip(greatest, self.lo, self.hi))
        return found, Interval.of(found.lo * 0 + INT16_MIN, found.lo * 0 + INT16_MAX)

    def tables(self) -> list[Table]:
        return [
            Table("lo", "int16_t", self.lo, "least upper half of each state"),
            Table("hi", "int16_t", self.hi, "greatest upper half of each state"),
        ]

    def scalars(self) -> list[int]:
        return [self.left]


OP = Advance
