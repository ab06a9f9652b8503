"""sigmoid(z) = (1 + tanh(z/2)) / 2, from tanh's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.fixed import INT16_MAX, Interval, Value, rshr
from elegans.exporter.ops import Table
from elegans.exporter.ops.tanh import odd_tanh, smooth_tanh


@dataclass(frozen=True)
class Sigmoid:
    """z in Q4.11, result in Q0.15, in [0, 32767]: monotone.

    Halving z costs nothing: an integer of Q4.11 read as Q3.12 is z/2. And at Q4.11's ends,
    +-16, sigmoid is flat to Q15, which at +-8 it is not yet.
    """

    kernel: ClassVar[str] = "sigmoid"
    in_place: ClassVar[bool] = True

    def integer(self, z: Value) -> Value:
        return rshr(odd_tanh(z) + 32768, 1).clip(0, INT16_MAX)

    def real(self, z: Value) -> Value:
        return 16384.0 * (smooth_tanh(z * (1 / 4096)) + 1.0)

    def range(self, z: Interval) -> Interval:
        self.integer(z)
        return z.image(self.integer)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


OP = Sigmoid
