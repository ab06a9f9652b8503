"""`keep` with what comes in in 32 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.held_states import WideIncoming
from elegans.exporter.ops.keep import Keep


@dataclass(frozen=True, eq=False)
class WideKeep(WideIncoming, Keep):
    """As `Keep`, with

    c     [..., 2 size] halves of 32-bit integers
    left  -30..15: the fractional bits of h in 32 bits, less room and those of c in 32 bits
    most  the greatest magnitude of what comes in, in units of the sum: beyond it c saturates
    """

    most: int

    kernel: ClassVar[str] = "wide_keep"

    def scalars(self) -> list[int]:
        return [self.room, self.down, self.left, self.most]


OP = WideKeep
