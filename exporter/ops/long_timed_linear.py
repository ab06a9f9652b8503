"""`timed_linear` with accumulators of 64 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, LongInterval
from elegans.exporter.ops.long_linear import check_shifts
from elegans.exporter.ops.timed_linear import TimedLinear


@dataclass(frozen=True, eq=False)
class LongTimedLinear(TimedLinear):
    """As `TimedLinear`, with accumulators of 64 bits, a rate of 32 and `shift` in 12..30."""

    kernel: ClassVar[str] = "long_timed_linear"
    sums: ClassVar[type[Interval]] = LongInterval

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shifts(self.shift)


OP = LongTimedLinear
