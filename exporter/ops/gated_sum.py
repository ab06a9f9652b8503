"""h = f + t g: the state of a CfC without the complementary gate (ncps' `no_gate`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value, rshr, saturate
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class GatedSum:
    """h = sat16(rshr(f * 2^15 + t * g, 16)).

    f, g, t  [..., n] Q0.15
    h        [..., n] Q1.14, one bit coarser, because |f + t g| can reach 2
    """

    kernel: ClassVar[str] = "gated_sum"
    in_place: ClassVar[bool] = True

    def integer(self, f: Value, g: Value, t: Value) -> Value:
        return saturate(rshr(f * 32768 + t * g, 16))

    def real(self, f: Value, g: Value, t: Value) -> Value:
        return (f + t * g * 2.0**-15) * 0.5

    def range(self, f: Interval, g: Interval, t: Interval) -> Interval:
        result: Interval = self.integer(f, g, t)
        return result

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


OP = GatedSum
