"""y = 1 where lo <= x <= hi, else 0: a comparison with a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value
from elegans.exporter.ops import Table

_SIGN = 17  # a shift by which a difference of two int16 leaves nothing but its sign


@dataclass(frozen=True)
class Within:
    """Whether x lies in lo..hi, as 1 or 0.

    x       [..., n] at any scale
    lo, hi  -32768 <= lo <= hi <= 32767
    y       [..., n] 0 or 1, no fractional bits
    """

    lo: int
    hi: int

    kernel: ClassVar[str] = "within"
    in_place: ClassVar[bool] = True

    def integer(self, x: Value) -> Value:
        return (((x - self.lo) >> _SIGN) + 1) * (((x * -1 + self.hi) >> _SIGN) + 1)

    def real(self, x: Value) -> Value:
        below, above = ((x - (self.lo - 0.5)) * 2.0), ((x * -1.0 + (self.hi + 0.5)) * 2.0)
        return below.clip(0.0, 1.0) * above.clip(0.0, 1.0)

    def range(self, x: Interval) -> Interval:
        inside = (x.lo >= self.lo) & (x.hi <= self.hi)
        outside = (x.hi < self.lo) | (x.lo > self.hi)
        return Interval.of(inside * 1, 1 - outside * 1)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.lo, self.hi]


OP = Within
