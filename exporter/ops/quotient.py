"""y = n / d, element by element: LTC's fused step with a fixed sample period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import INT32_MAX, Integers, Interval, Value, constant, rdiv
from elegans.exporter.ops import Table, frozen_integers


@dataclass(frozen=True, eq=False)
class Quotient:
    """y = rdiv(n * 2^frac, d), held in [lo, hi].

    n, d    [..., size] at one scale; d >= 0, and 0 is taken as 1
    frac    0..15, the fractional bits of y; |n| 2^frac <= 2^30 fits int32
    lo, hi  [size] bounds of the real quotient, which rounding must not leave
    y       [..., size]
    """

    frac: int
    lo: Integers
    hi: Integers

    kernel: ClassVar[str] = "quotient"
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lo", frozen_integers(self.lo, 1))
        object.__setattr__(self, "hi", frozen_integers(self.hi, 1))

    def integer(self, n: Value, d: Value) -> Value:
        y = rdiv(n * (1 << self.frac), d.clip(1, INT32_MAX))
        return y.clip(constant(self.lo, n), constant(self.hi, n))

    def real(self, n: Value, d: Value) -> Value:
        return n * float(1 << self.frac) / d

    def range(self, n: Interval, d: Interval) -> Interval:
        result: Interval = self.integer(n, d)
        return result

    def tables(self) -> list[Table]:
        return [
            Table("lo", "int16_t", self.lo, "least value of each neuron"),
            Table("hi", "int16_t", self.hi, "greatest value of each neuron"),
        ]

    def scalars(self) -> list[int]:
        return [self.frac]


OP = Quotient
