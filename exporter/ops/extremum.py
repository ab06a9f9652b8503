"""y = max(a, b) or min(a, b), element by element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import INT16_MAX, Interval, Value
from elegans.exporter.ops import Table

_WIDEST = 2 * INT16_MAX + 1


@dataclass(frozen=True)
class Extremum:
    """The greater or the lesser of two vectors.

    a, b, y  [..., n] at one scale, any
    sign     1 for the greater, -1 for the lesser
    """

    sign: int

    kernel: ClassVar[str] = "extremum"
    in_place: ClassVar[bool] = True

    def integer(self, a: Value, b: Value) -> Value:
        return b + ((a - b) * self.sign).clip(0, _WIDEST) * self.sign

    def real(self, a: Value, b: Value) -> Value:
        return b + ((a - b) * self.sign).clip(0.0, float(_WIDEST)) * self.sign

    def range(self, a: Interval, b: Interval) -> Interval:
        """Both ends rise with both vectors."""
        pick = np.maximum if self.sign > 0 else np.minimum
        return Interval.of(pick(a.lo, b.lo), pick(a.hi, b.hi))

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.sign]


OP = Extremum
