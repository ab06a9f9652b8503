"""y = u v, element by element: LSTM's output gate, or a self-gated unit as silu."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value, rshr, saturate, within_int16
from elegans.exporter.ops import PLAIN, Table


@dataclass(frozen=True)
class Product:
    """y = sat16(rshr(u * v, shift)).

    u      [..., n] Q0.15, 0..32767: a gate
    v, y   [..., n]
    shift  15 if y has the scale of v: then |y| <= |v|, because u is below one. Less if y has a
           finer scale, which takes a proof that the product is small
    """

    shift: int = 15

    kernel: ClassVar[str] = "product"
    in_place: ClassVar[bool] = True
    elementwise: ClassVar[tuple[str, ...]] = (PLAIN, PLAIN)

    def integer(self, u: Value, v: Value) -> Value:
        return saturate(rshr(u * v, self.shift))

    def real(self, u: Value, v: Value) -> Value:
        return u * v * 2.0**-self.shift

    def range(self, u: Interval, v: Interval) -> Interval:
        result: Interval = self.integer(u, v)
        return result

    def near(self, u: Interval, v: Interval) -> bool:
        """Whether no product has to be saturated."""
        return within_int16(self.range(u, v))

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.shift]


OP = Product
