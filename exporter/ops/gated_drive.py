"""z = a u + b, element by element: a gate inside a drive (GRU's reset gate)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value, rshr, saturate
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class GatedDrive:
    """z = rshr(a * u + b * 2^align, shift), held in int16.

    align  from b's scale to that of the product a * u
    shift  from there to z's
    """

    align: int
    shift: int

    kernel: ClassVar[str] = "gated_drive"
    in_place: ClassVar[bool] = True

    def integer(self, a: Value, b: Value, u: Value) -> Value:
        return saturate(rshr(a * u + b * (1 << self.align), self.shift))

    def real(self, a: Value, b: Value, u: Value) -> Value:
        return (a * u + b * float(1 << self.align)) * 2.0**-self.shift

    def range(self, a: Interval, b: Interval, u: Interval) -> Interval:
        result: Interval = self.integer(a, b, u)
        return result

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.align, self.shift]


OP = GatedDrive
