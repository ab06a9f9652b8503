"""`linear` with int8 weights: half the flash, coarser weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.ops.linear import Linear


@dataclass(frozen=True, eq=False)
class Linear8(Linear):
    """As `Linear`, with weights in -127..127."""

    kernel: ClassVar[str] = "linear8"
    weight_bits: ClassVar[int] = 8


OP = Linear8
