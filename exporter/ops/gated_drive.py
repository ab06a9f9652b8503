"""z = a u + b, element by element: a gate inside an activation's argument, as GRU's reset gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value, rshr, saturate, within_int16
from elegans.exporter.ops import PLAIN, Table


@dataclass(frozen=True)
class GatedDrive:
    """z = sat16(rshr(a * u + b * 2^align, shift)).

    a, b, z  [..., n] any scales
    u        [..., n] Q0.15, a gate
    align    0..30: brings b to the scale of a * u
    shift    0..30: brings the sum to the scale of z
    """

    align: int
    shift: int

    kernel: ClassVar[str] = "gated_drive"
    in_place: ClassVar[bool] = True
    elementwise: ClassVar[tuple[str, ...]] = (PLAIN, PLAIN, PLAIN)

    def integer(self, a: Value, b: Value, u: Value) -> Value:
        return saturate(rshr(self.product(a, u) + b * (1 << self.align), self.shift))

    def product(self, a: Value, u: Value) -> Value:
        """a u, at its own scale."""
        return a * u

    def real(self, a: Value, b: Value, u: Value) -> Value:
        return (a * u + b * float(1 << self.align)) * 2.0**-self.shift

    def range(self, a: Interval, b: Interval, u: Interval) -> Interval:
        result: Interval = self.integer(a, b, u)
        return result

    def near(self, a: Interval, b: Interval, u: Interval) -> bool:
        """Whether no sum has to be saturated."""
        return within_int16(self.range(a, b, u))

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.align, self.shift]


OP = GatedDrive
