"""y = a where c is 1, b where c is 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, RangeError, Value
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class Choose:
    """y = b + c (a - b), exactly a or b.

    a, b, y  [..., n] at one scale, any
    c        [..., n] 0 or 1
    """

    kernel: ClassVar[str] = "choose"
    in_place: ClassVar[bool] = True

    def integer(self, a: Value, b: Value, c: Value) -> Value:
        return b + c * (a - b)

    def real(self, a: Value, b: Value, c: Value) -> Value:
        return b + c * (a - b)

    def range(self, a: Interval, b: Interval, c: Interval) -> Interval:
        if c.lo.min() < 0 or c.hi.max() > 1:
            raise RangeError("a choice is neither 0 nor 1")
        return a.hull(b)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


OP = Choose
