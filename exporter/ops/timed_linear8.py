"""`timed_linear` with int8 weights: half the flash, coarser weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.ops.timed_linear import TimedLinear


@dataclass(frozen=True, eq=False)
class TimedLinear8(TimedLinear):
    """As `TimedLinear`, with weights in -127..127."""

    kernel: ClassVar[str] = "timed_linear8"
    weight_bits: ClassVar[int] = 8


OP = TimedLinear8
