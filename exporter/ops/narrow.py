"""y = gain x of a 32-bit vector x, in any 16-bit format: tanh of an LSTM's cell reads it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, RangeError, Value, rshr, saturate, whole
from elegans.exporter.ops import WIDE, Table


@dataclass(frozen=True)
class Narrow:
    """y = sat16(rshr(x gain >> 16, shift)), from all 32 bits of x.

    x      [..., 2 size] halves of 32-bit integers
    gain   -32767..32767
    shift  0..30
    y      [..., size], with the fractional bits of the upper half of x and of gain, less shift
    """

    size: int
    gain: int
    shift: int

    kernel: ClassVar[str] = "narrow"
    in_place: ClassVar[bool] = False
    elementwise: ClassVar[tuple[str, ...]] = (WIDE,)

    def integer(self, x: Value) -> Value:
        n = self.size
        product = (whole(x[..., 0:n], x[..., n : 2 * n]) * self.gain) >> 16
        return saturate(rshr(product, self.shift))

    def real(self, x: Value) -> Value:
        n = self.size
        return (x[..., 0:n] + x[..., n : 2 * n] * 2.0**-16) * (self.gain * 2.0**-self.shift)

    def range(self, x: Interval) -> Interval:
        """x gain >> 16 is upper gain + (lower gain >> 16), and |upper gain| at most 2^30."""
        n = self.size
        if not -(1 << 15) < self.gain < 1 << 15:
            raise RangeError(f"the gain is {self.gain}")
        x[..., 0:n].whole(x[..., n : 2 * n])  # fits int32
        product = x[..., 0:n] * self.gain + ((x[..., n : 2 * n] * self.gain) >> 16)
        found: Interval = saturate(rshr(product, self.shift))
        return found

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.gain, self.shift]


OP = Narrow
