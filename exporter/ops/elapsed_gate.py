"""z = a dt + b with an elapsed time of any length: the time gate of a CfC over long ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, RangeError, Value, rshr_by, saturate
from elegans.exporter.ops import Table

_MOST_SHIFT = 30


@dataclass(frozen=True)
class ElapsedGate:
    """z = sat16(b + rshr(a m, e + shift)), the shift at most 30.

    a      [..., n] any scale
    b, z   [..., n] one scale
    t      [..., 2] elapsed time: mantissa m and exponent e, as `Elapsed` gives them
    shift  0..30: brings a m at the longest time to the scale of z

    `TimedLinear` and `TimeGate` read dt in 16 bits of one scale: where the longest time is many
    times a short one, that leaves the short one few digits. This op leaves them all.
    """

    shift: int

    kernel: ClassVar[str] = "elapsed_gate"
    in_place: ClassVar[bool] = True

    def integer(self, a: Value, b: Value, t: Value) -> Value:
        shift = (t[..., 1:2] + self.shift).clip(0, _MOST_SHIFT)
        return saturate(b + rshr_by(a * t[..., 0:1], shift))

    def real(self, a: Value, b: Value, t: Value) -> Value:
        return b + a * t[..., 0:1] * 2.0 ** (t[..., 1:2] * -1.0 - self.shift)

    def range(self, a: Interval, b: Interval, t: Interval) -> Interval:
        least = int(t.lo[1]) + self.shift
        if not 0 <= self.shift <= _MOST_SHIFT or least < 0:
            raise RangeError(f"a time gate's product is shifted by {least}")
        # Below 2^30, and what rounds it at most 2^29; a longer shift leaves less.
        product = a * t[..., 0:1]
        nothing = Interval.of(0 * product.lo, 0 * product.hi)
        found: Interval = saturate(b + product.hull(nothing))
        return found

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.shift]


OP = ElapsedGate
