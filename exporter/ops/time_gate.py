"""z = a dt + b: how elapsed time enters a CfC, before the sigmoid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.fixed import Interval, Value, rshr, saturate
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class TimeGate:
    """z = rshr(a * dt + b * 2^align, shift), held in int16.

    align  from b's scale to that of the product a * dt
    shift  from there to z's
    """

    align: int
    shift: int

    kernel: ClassVar[str] = "time_gate"
    in_place: ClassVar[bool] = True

    def integer(self, a: Value, b: Value, dt: Value) -> Value:
        return saturate(rshr(a * dt + b * (1 << self.align), self.shift))

    def real(self, a: Value, b: Value, dt: Value) -> Value:
        return (a * dt + b * float(1 << self.align)) * 2.0**-self.shift

    def range(self, a: Interval, b: Interval, dt: Interval) -> Interval:
        result: Interval = self.integer(a, b, dt)
        return result

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.align, self.shift]


OP = TimeGate
