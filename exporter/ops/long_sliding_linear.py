"""`sliding_linear` with an accumulator of 64 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, LongInterval
from elegans.exporter.ops.long_linear import check_shifts
from elegans.exporter.ops.sliding_linear import SlidingLinear


@dataclass(frozen=True, eq=False)
class LongSlidingLinear(SlidingLinear):
    """As `SlidingLinear`, with an accumulator of 64 bits and `shift` in 12..30."""

    kernel: ClassVar[str] = "long_sliding_linear"
    sums: ClassVar[type[Interval]] = LongInterval

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shifts(self.shift)


OP = LongSlidingLinear
