"""y = x - floor(x): what is left of a number above the integer below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Interval, Value
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class Fraction:
    """The fraction of x, exactly.

    x     [..., n] with `frac` fractional bits
    frac  0..15
    y     [..., n] with `frac` fractional bits, 0..2^frac - 1
    """

    frac: int

    kernel: ClassVar[str] = "fraction"
    in_place: ClassVar[bool] = True

    def integer(self, x: Value) -> Value:
        return x & ((1 << self.frac) - 1)

    def real(self, x: Value) -> Value:
        one = float(1 << self.frac)
        whole = np.floor(x / one) if isinstance(x, np.ndarray) else (x / one).floor()
        return x - whole * one

    def range(self, x: Interval) -> Interval:
        """Exact where all of an interval has one integer below it."""
        same = (x.lo >> self.frac) == (x.hi >> self.frac)
        mask = (1 << self.frac) - 1
        return Interval.of(np.where(same, x.lo & mask, 0), np.where(same, x.hi & mask, mask))

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.frac]


OP = Fraction
