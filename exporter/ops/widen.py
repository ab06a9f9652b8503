"""y = x: an int16 vector as the upper halves of 32-bit integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value
from elegans.exporter.ops import WIDE, Table


@dataclass(frozen=True)
class Widen:
    """The upper halves are x, the lower ones are zero; -2^15 becomes -2^15 + 1.

    x  [..., n]
    """

    kernel: ClassVar[str] = "widen"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = False

    def integer(self, x: Value) -> tuple[Value, Value]:
        return x.clip(-(1 << 15) + 1, (1 << 15) - 1), x * 0

    def real(self, x: Value) -> tuple[Value, Value]:
        return x, 0.0 * x

    def range(self, x: Interval) -> tuple[Interval, Interval]:
        upper, lower = self.integer(x)
        return upper, lower

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


OP = Widen
