"""y = x at another scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value, rshr, saturate
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class Rescale:
    """y = sat16(rshr(x * 2^left, right)); left or right is 0.

    x, y   [..., n], y with left - right more fractional bits than x
    left   0..15
    right  0..15
    """

    left: int
    right: int

    kernel: ClassVar[str] = "rescale"
    in_place: ClassVar[bool] = True

    def integer(self, x: Value) -> Value:
        return saturate(rshr(x * (1 << self.left), self.right))

    def real(self, x: Value) -> Value:
        return x * 2.0 ** (self.left - self.right)

    def range(self, x: Interval) -> Interval:
        result: Interval = self.integer(x)
        return result

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.left, self.right]


OP = Rescale
