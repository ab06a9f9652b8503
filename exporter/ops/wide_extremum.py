"""y = max(a, b) or min(a, b) of vectors in 32 bits, held between two ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    Integers,
    Interval,
    RangeError,
    Value,
    constant,
    halves,
    whole,
)
from elegans.exporter.ops import WIDE, Table, frozen_integers


@dataclass(frozen=True, eq=False)
class WideExtremum:
    """The greater or the lesser of two vectors, held where its upper half is lo..hi, as halves.

    a, b    [..., 2 size] halves of 32-bit integers at one scale
    sign    1 for the greater, -1 for the lesser
    lo, hi  [size] least and greatest upper half, more than -2^15
    """

    sign: int
    lo: Integers
    hi: Integers

    kernel: ClassVar[str] = "wide_extremum"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("lo", "hi"):
            object.__setattr__(self, name, frozen_integers(getattr(self, name), 1))

    def integer(self, a: Value, b: Value) -> tuple[Value, Value]:
        n = len(self.lo)
        one, other = (whole(w[..., 0:n], w[..., n : 2 * n]) for w in (a, b))
        y = other + ((one - other) * self.sign).clip(0, 1 << 32) * self.sign
        lo, hi = (constant(end * (1 << 16), a) for end in (self.lo, self.hi))
        return halves(y.clip(lo, hi))

    def real(self, a: Value, b: Value) -> tuple[Value, Value]:
        n = len(self.lo)
        one, other = (w[..., 0:n] + w[..., n : 2 * n] * 2.0**-16 for w in (a, b))
        y = other + ((one - other) * self.sign).clip(0.0, 65536.0) * self.sign
        lo, hi = (constant(np.asarray(end, np.float64), a) for end in (self.lo, self.hi))
        return y.clip(lo, hi), 0.0 * y

    def range(self, a: Interval, b: Interval) -> tuple[Interval, Interval]:
        """Both ends rise with both vectors."""
        n = len(self.lo)
        pick = np.maximum if self.sign > 0 else np.minimum
        if self.lo.min(initial=0) <= INT16_MIN:
            raise RangeError("a 32-bit result can reach the least int16")
        lo, hi = (
            np.clip(pick(x[:n], y[:n]), self.lo, self.hi) for x, y in ((a.lo, b.lo), (a.hi, b.hi))
        )
        return Interval.of(lo, hi), Interval.of(0 * lo + INT16_MIN, 0 * lo + INT16_MAX)

    def tables(self) -> list[Table]:
        return [
            Table("lo", "int16_t", self.lo, "least upper half of each result"),
            Table("hi", "int16_t", self.hi, "greatest upper half of each result"),
        ]

    def scalars(self) -> list[int]:
        return [self.sign]


OP = WideExtremum
