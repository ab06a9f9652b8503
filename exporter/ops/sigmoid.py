"""sigmoid(z) = (1 + tanh(z/2)) / 2, from tanh's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value
from elegans.exporter.ops import PLAIN, Table
from elegans.exporter.ops.tanh import GAIN, fine_tanh, of_int16, smooth_tanh

# One half in Q0.31, and rounding: `fine_tanh` includes half a unit of Q0.15, which is 2^15; the
# shift by one leaves 2^14 of it, and this adds the other 2^14.
_HALF = (1 << 30) + (1 << 14)


@dataclass(frozen=True)
class Sigmoid:
    """sigmoid(a) of a real argument a, monotone, within 2 units of the exact value.

    z       [..., n] 8/5 a in Q4.11; at its ends, a = +-10, sigmoid is within 2 units of 0 and 1
    result  [..., n] Q0.15, 1..32767

    tanh needs half of the argument; an integer of Q4.11 read as Q3.12 is just that.
    """

    kernel: ClassVar[str] = "sigmoid"
    in_place: ClassVar[bool] = True
    elementwise: ClassVar[tuple[str, ...]] = (PLAIN,)

    def integer(self, z: Value) -> Value:
        return of_int16(_sigmoid, z)

    def real(self, z: Value) -> Value:
        return 16384.0 * (smooth_tanh(z * (1 / 4096 / GAIN)) + 1.0)

    def range(self, z: Interval) -> Interval:
        return z.image(self.integer)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


def _sigmoid(z: Value) -> Value:
    return ((fine_tanh(z) >> 1) + _HALF) >> 16


OP = Sigmoid
