"""sigmoid(z) = (1 + tanh(z/2)) / 2, from tanh's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value
from elegans.exporter.ops import Table
from elegans.exporter.ops.tanh import GAIN, fine_tanh, smooth_tanh

# A half in Q0.31, and what rounds the half of tanh's fine bits.
_HALF = (1 << 30) + (1 << 14)


@dataclass(frozen=True)
class Sigmoid:
    """z is 8/5 of the argument in Q4.11, result in Q0.15, in [1, 32767]: monotone.

    Halving z costs nothing: an integer of Q4.11 read as Q3.12 is z/2. And at z's ends,
    +-10, sigmoid is flat to 2 units of Q0.15.
    """

    kernel: ClassVar[str] = "sigmoid"
    in_place: ClassVar[bool] = True

    def integer(self, z: Value) -> Value:
        return ((fine_tanh(z) >> 1) + _HALF) >> 16

    def real(self, z: Value) -> Value:
        return 16384.0 * (smooth_tanh(z * (1 / 4096 / GAIN)) + 1.0)

    def range(self, z: Interval) -> Interval:
        return z.image(self.integer)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


OP = Sigmoid
