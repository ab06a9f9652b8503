"""y = u v, element by element: an output gate, or a self-gated unit (silu)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value, rshr, saturate
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class Product:
    """y = sat16(rshr(u * v, shift)) with a gate u in Q0.15 in [0, 32767].

    With a shift of 15 y has the scale of v, and |y| <= |v|: a gate never opens beyond one.
    A smaller shift gives a finer scale, where the product is known to be small.
    """

    shift: int = 15

    kernel: ClassVar[str] = "product"
    in_place: ClassVar[bool] = True

    def integer(self, u: Value, v: Value) -> Value:
        return saturate(rshr(u * v, self.shift))

    def real(self, u: Value, v: Value) -> Value:
        return u * v * 2.0**-self.shift

    def range(self, u: Interval, v: Interval) -> Interval:
        result: Interval = self.integer(u, v)
        return result

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.shift]


OP = Product
