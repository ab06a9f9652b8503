"""h = f + t (g - f): the time-dependent gate of a CfC.

Hasani et al., "Closed-form continuous-time neural networks", 2022, equation 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, RangeError, Value, rshr
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class Mix:
    """h = f + rshr(t * (g - f), 15).

    f, g, h  [..., n] all at one scale, any
    t        [..., n] Q0.15, 0..32767

    h always lies between f and g: with d = g - f, t d / 2^15 lies between 0 and d, which are
    integers, and rounding to the nearest integer cannot leave an interval with integer ends.
    """

    kernel: ClassVar[str] = "mix"
    in_place: ClassVar[bool] = True

    def integer(self, f: Value, g: Value, t: Value) -> Value:
        return f + rshr(t * (g - f), 15)

    def real(self, f: Value, g: Value, t: Value) -> Value:
        return f + t * (g - f) * 2.0**-15

    def range(self, f: Interval, g: Interval, t: Interval) -> Interval:
        if t.lo.min() < 0 or t.hi.max() > 1 << 15:
            raise RangeError("the gate leaves [0, 1]")
        self.integer(f, g, t)
        return f.hull(g)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


OP = Mix
