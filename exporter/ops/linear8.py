"""The linear map with int8 weights: half the flash, a coarser network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.ops.linear import Linear


@dataclass(frozen=True, eq=False)
class Linear8(Linear):
    """`Linear`'s meaning to the bit, with every weight in -127..127."""

    kernel: ClassVar[str] = "linear8"
    weight_bits: ClassVar[int] = 8


OP = Linear8
