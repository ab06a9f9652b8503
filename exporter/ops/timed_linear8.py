"""The timed linear map with int8 weights: half the flash, a coarser network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.ops.timed_linear import TimedLinear


@dataclass(frozen=True, eq=False)
class TimedLinear8(TimedLinear):
    """`TimedLinear`'s meaning to the bit, with every weight in -127..127."""

    kernel: ClassVar[str] = "timed_linear8"
    weight_bits: ClassVar[int] = 8


OP = TimedLinear8
