"""z = a dt + b with an elapsed time of any length: the time gate of a CfC over long ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, RangeError, Value, rshr_by, saturate
from elegans.exporter.ops import Table

_MOST_SHIFT = 30


@dataclass(frozen=True)
class ElapsedGate:
    """z = sat16(b 2^align + rshr(a m, e + shift)), the shift at most 30.

    a      [..., n] any scale
    b, z   [..., n] the scale of b is coarser by align bits
    t      [..., 2] elapsed time: mantissa m and exponent e, as `Elapsed` gives them
    align  0..15: brings b to the scale of z; so a great b is not held where a m is its opposite
    shift  0..30: brings a m at the longest time to the scale of z

    `TimedLinear` and `TimeGate` read dt in 16 bits of one scale: where the longest time is many
    times a short one, that leaves the short one few digits. This op leaves them all.
    """

    align: int
    shift: int

    kernel: ClassVar[str] = "elapsed_gate"
    in_place: ClassVar[bool] = True

    def integer(self, a: Value, b: Value, t: Value) -> Value:
        shift = (t[..., 1:2] + self.shift).clip(0, _MOST_SHIFT)
        return saturate(b * (1 << self.align) + rshr_by(self.product(a, t[..., 0:1]), shift))

    def product(self, a: Value, m: Value) -> Value:
        """a m, at its own scale."""
        return a * m

    def real(self, a: Value, b: Value, t: Value) -> Value:
        return b * float(1 << self.align) + a * t[..., 0:1] * 2.0 ** (
            t[..., 1:2] * -1.0 - self.shift
        )

    def range(self, a: Interval, b: Interval, t: Interval) -> Interval:
        least = int(t.lo[1]) + self.shift
        if not 0 <= self.shift <= _MOST_SHIFT or least < 0:
            raise RangeError(f"a time gate's product is shifted by {least}")
        # Below 2^30, and what rounds it at most 2^29; a longer shift leaves less.
        product = self.product(a, t[..., 0:1])
        nothing = Interval.of(0 * product.lo, 0 * product.hi)
        found: Interval = saturate(b * (1 << self.align) + product.hull(nothing))
        return found

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.align, self.shift]


OP = ElapsedGate
