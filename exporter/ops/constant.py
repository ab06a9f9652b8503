"""A constant vector: what a map, or a share of a fixed period, is where it reads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Integers, Interval, Value, constant
from elegans.exporter.ops import Table, frozen_integers


@dataclass(frozen=True, eq=False)
class Constant:
    """y = value, for any x: a table in flash, which costs no instruction.

    x      [..., any] says how many runs there are
    value  [n] int16
    """

    value: Integers

    kernel: ClassVar[str] = "constant"
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", frozen_integers(self.value, 1))

    def integer(self, x: Value) -> Value:
        return x[..., 0:1] * 0 + constant(self.value, x)

    def real(self, x: Value) -> Value:
        return self.integer(x)

    def range(self, x: Interval) -> Interval:
        return Interval.of(self.value, self.value)

    def tables(self) -> list[Table]:
        return [Table("v", "int16_t", self.value, "constants")]

    def scalars(self) -> list[int]:
        return []


OP = Constant
