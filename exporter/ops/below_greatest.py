"""y = x - max(x): how far each element lies below the greatest of its vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import INT16_MIN, Interval, Value
from elegans.exporter.ops import Table

_WIDEST = (1 << 31) - 1


@dataclass(frozen=True)
class BelowGreatest:
    """The distance to the greatest element, which is never above zero.

    x     [..., size] at one scale, any
    y     [..., size] at the same scale, saturated
    size  1 or more
    """

    size: int

    kernel: ClassVar[str] = "below_greatest"
    in_place: ClassVar[bool] = True

    def integer(self, x: Value) -> Value:
        return (x - greatest(x, self.size)).clip(INT16_MIN, 0)

    def real(self, x: Value) -> Value:
        return x - greatest(x, self.size)

    def range(self, x: Interval) -> Interval:
        lo = np.clip(x.lo - x.hi.max(), INT16_MIN, 0)
        return Interval.of(lo, np.clip(x.hi - x.lo.max(), INT16_MIN, 0))

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


def greatest(x: Value, size: int) -> Value:
    """The greatest of `size` elements, [..., 1]: the greater ones of two halves, again and again.

    Halves of an odd number of elements share one. Differences of elements must fit int32.
    """
    while size > 1:
        half = (size + 1) // 2
        left, right = x[..., 0:half], x[..., size - half : size]
        x, size = right + (left - right).clip(0, _WIDEST), half
    return x


OP = BelowGreatest
