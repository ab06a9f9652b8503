"""`gated_drive` with what the gate multiplies in 32 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Value
from elegans.exporter.ops.gated_drive import GatedDrive


@dataclass(frozen=True)
class WideGatedDrive(GatedDrive):
    """z = sat16(rshr((a * u >> 16) + b * 2^align, shift)).

    a  [..., 2 size] halves of 32-bit integers, whose upper halves are at the scale of
       `GatedDrive`'s a

    a u >> 16 is upper u + (lower u >> 16), and no summand exceeds 2^30.
    """

    size: int

    kernel: ClassVar[str] = "wide_gated_drive"
    in_place: ClassVar[bool] = False

    def product(self, a: Value, u: Value) -> Value:
        n = self.size
        return a[..., 0:n] * u + ((a[..., n : 2 * n] * u) >> 16)

    def real(self, a: Value, b: Value, u: Value) -> Value:
        n = self.size
        return GatedDrive.real(self, a[..., 0:n] + a[..., n : 2 * n] * 2.0**-16, b, u)


OP = WideGatedDrive
