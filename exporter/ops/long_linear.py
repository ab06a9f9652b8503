"""`linear` with an accumulator of 64 bits, for rows of so many inputs that 32 hold few digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Integers, Interval, LongInterval
from elegans.exporter.ops.linear import Linear

SHIFTS = range(12, 31)
"""The shifts from an accumulator of 64 bits: its lower 12 bits are dropped first."""


@dataclass(frozen=True, eq=False)
class LongLinear(Linear):
    """As `Linear`, with an accumulator of 64 bits and `shift` in 12..30.

    `range` raises `RangeError` for a row that could reach 2^43.
    """

    kernel: ClassVar[str] = "long_linear"
    sums: ClassVar[type[Interval]] = LongInterval

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shifts(self.shift)


def check_shifts(shift: Integers) -> None:
    """Raises ValueError for a shift that the kernels with 64 bits do not take."""
    if shift.size and not (shift.min() in SHIFTS and shift.max() in SHIFTS):
        raise ValueError(f"shifts {shift.min()}..{shift.max()}, expected 12..30")


OP = LongLinear
