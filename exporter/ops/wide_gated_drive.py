"""`gated_drive` with what the gate multiplies, and the sum, in 32 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value, halves
from elegans.exporter.ops import WIDE, Table


@dataclass(frozen=True)
class WideGatedDrive:
    """z = halves((a u >> 16) + b 2^align).

    a      [..., 2 size] halves of 32-bit integers
    b      [..., size] any scale
    u      [..., size] Q0.15, a gate
    align  0..30: brings b to the scale of a u >> 16, which is that of z's 32-bit integers
    z      [..., 2 size]; nothing saturates

    a u >> 16 is upper u + (lower u >> 16), and no summand exceeds 2^30.
    """

    size: int
    align: int

    kernel: ClassVar[str] = "wide_gated_drive"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = False

    def integer(self, a: Value, b: Value, u: Value) -> tuple[Value, Value]:
        n = self.size
        product = a[..., 0:n] * u + ((a[..., n : 2 * n] * u) >> 16)
        return halves(product + b * (1 << self.align))

    def real(self, a: Value, b: Value, u: Value) -> tuple[Value, Value]:
        n = self.size
        product = (a[..., 0:n] + a[..., n : 2 * n] * 2.0**-16) * u
        return (product + b * float(1 << self.align)) * 2.0**-16, 0.0 * u

    def range(self, a: Interval, b: Interval, u: Interval) -> tuple[Interval, Interval]:
        upper, lower = self.integer(a, b, u)
        upper.whole(lower)  # fits int32
        return upper, lower

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.align]


OP = WideGatedDrive
