"""y = x held in lo..hi: inputs, kept inside the range that the proof assumes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Integers, Interval, Value, constant
from elegans.exporter.ops import Table, frozen_integers


@dataclass(frozen=True, eq=False)
class Clamp:
    """y = min(max(x, lo), hi), element by element.

    x, y    [..., n] one channel each, every one in its own format
    lo, hi  [n] the declared range of each channel, in the same format
    """

    lo: Integers
    hi: Integers

    kernel: ClassVar[str] = "clamp"
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "lo", frozen_integers(self.lo, 1))
        object.__setattr__(self, "hi", frozen_integers(self.hi, 1))

    def integer(self, x: Value) -> Value:
        return x.clip(constant(self.lo, x), constant(self.hi, x))

    def real(self, x: Value) -> Value:
        return self.integer(x)

    def range(self, x: Interval) -> Interval:
        result: Interval = self.integer(x)
        return result

    def tables(self) -> list[Table]:
        return [
            Table("lo", "int16_t", self.lo, "least value of each channel"),
            Table("hi", "int16_t", self.hi, "greatest value of each channel"),
        ]

    def scalars(self) -> list[int]:
        return []


OP = Clamp
