"""y = |x|."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import INT16_MAX, Interval, Value
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class Absolute:
    """y = |x| at the scale of x, any scale; |-32768| saturates to 32767.

    x, y  [..., n]
    """

    kernel: ClassVar[str] = "absolute"
    in_place: ClassVar[bool] = True

    def integer(self, x: Value) -> Value:
        return abs(x).clip(0, INT16_MAX)

    def real(self, x: Value) -> Value:
        return abs(x)

    def range(self, x: Interval) -> Interval:
        result: Interval = self.integer(x)
        return result

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


OP = Absolute
