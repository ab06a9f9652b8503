"""`sliding_linear` with int8 weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.ops.sliding_linear import SlidingLinear


@dataclass(frozen=True, eq=False)
class SlidingLinear8(SlidingLinear):
    """As `SlidingLinear`, with weights in -127..127."""

    kernel: ClassVar[str] = "sliding_linear8"
    weight_bits: ClassVar[int] = 8


OP = SlidingLinear8
