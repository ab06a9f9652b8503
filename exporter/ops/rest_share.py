"""s = t or 1 - t: a gate in Q0.15 as a share, where it has no finer form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import INT16_MAX, Interval, Value
from elegans.exporter.ops import RELATIVE, Table
from elegans.exporter.ops.time_share import relative_range

_ONE = 1 << 15


@dataclass(frozen=True)
class RestShare:
    """s = 1 - t, what is not kept, or t itself; its exponent is 0.

    t     [..., size] Q0.15, 0..32767
    keep  1: s = 1 - t; 0: s = t
    m, e  [..., size] each: s = m 2^-(15 + e), m in 0..32767 and e = 0
    """

    size: int
    keep: int

    kernel: ClassVar[str] = "rest_share"
    form: ClassVar[str] = RELATIVE
    in_place: ClassVar[bool] = False

    def integer(self, t: Value) -> tuple[Value, Value]:
        m = t * -1 + _ONE if self.keep else t
        return m.clip(0, INT16_MAX), t * 0

    def real(self, t: Value) -> tuple[Value, Value]:
        return (t * -1.0 + float(_ONE) if self.keep else t), 0.0 * t

    def range(self, t: Interval) -> tuple[Interval, Interval]:
        return relative_range(self.size)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.keep]


OP = RestShare
