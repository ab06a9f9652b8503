"""`advance` with what comes in in 32 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.held_states import WideIncoming
from elegans.exporter.ops.advance import Advance


@dataclass(frozen=True, eq=False)
class WideAdvance(WideIncoming, Advance):
    """As `Advance`, with

    c     [..., 2 size] halves of 32-bit integers
    left  -30..15: the fractional bits of h in 32 bits, less those of c in 32 bits
    most  the greatest magnitude of what comes in, in units of h: beyond it c saturates
    """

    most: int

    kernel: ClassVar[str] = "wide_advance"

    def scalars(self) -> list[int]:
        return [self.left, self.most]


OP = WideAdvance
