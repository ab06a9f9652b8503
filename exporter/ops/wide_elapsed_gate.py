"""`elapsed_gate` with a rate of 32 bits: half a unit of 16 bits, times a long time, is much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Value
from elegans.exporter.ops.elapsed_gate import ElapsedGate


@dataclass(frozen=True)
class WideElapsedGate(ElapsedGate):
    """z = sat16(b 2^align + rshr(a m >> 16, e + shift)), the shift at most 30.

    a  [..., 2 size] halves of 32-bit integers, whose upper halves are at the scale of
       `ElapsedGate`'s a

    a m >> 16 is upper m + (lower m >> 16), and no summand exceeds 2^30.
    """

    size: int

    kernel: ClassVar[str] = "wide_elapsed_gate"
    in_place: ClassVar[bool] = False

    def product(self, a: Value, m: Value) -> Value:
        n = self.size
        return a[..., 0:n] * m + ((a[..., n : 2 * n] * m) >> 16)

    def real(self, a: Value, b: Value, t: Value) -> Value:
        n = self.size
        return ElapsedGate.real(self, a[..., 0:n] + a[..., n : 2 * n] * 2.0**-16, b, t)


OP = WideElapsedGate
