"""y = max(x, 0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import INT16_MAX, Interval, Value
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class Relu:
    """y = max(x, 0) at the scale of x, any scale.

    x, y  [..., n]
    """

    kernel: ClassVar[str] = "relu"
    in_place: ClassVar[bool] = True

    def integer(self, x: Value) -> Value:
        return x.clip(0, INT16_MAX)

    def real(self, x: Value) -> Value:
        return x.clip(0.0, float(INT16_MAX))

    def range(self, x: Interval) -> Interval:
        result: Interval = self.integer(x)
        return result

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


OP = Relu
