"""t = dt / 2^16: a 32-bit elapsed time in the 16 bits that sums of products read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import INT16_MAX, Interval, Value, rshr
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class ShortTime:
    """Elapsed time, held in lo..hi, with 16 fractional bits less.

    dt      [..., 1] int32
    lo, hi  0..2^31 - 1, the declared range
    t       [..., 1] 0..2^15 - 1
    """

    lo: int
    hi: int

    kernel: ClassVar[str] = "short_time"
    in_place: ClassVar[bool] = False

    def integer(self, dt: Value) -> Value:
        return rshr(dt.clip(self.lo, self.hi) >> 1, 15).clip(0, INT16_MAX)

    def real(self, dt: Value) -> Value:
        return dt * 2.0**-16

    def range(self, dt: Interval) -> Interval:
        found: Interval = self.integer(dt)
        return found

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.lo, self.hi]


OP = ShortTime
