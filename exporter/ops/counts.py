"""y = x held in lo..hi, times 2^left: raw counts of a sensor, which need not fill int16."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import INT16_MAX, INT16_MIN, Integers, Value, constant
from elegans.exporter.ops import Table, frozen_integers
from elegans.exporter.ops.clamp import Clamp


@dataclass(frozen=True, eq=False)
class Counts(Clamp):
    """y = min(max(x, lo), hi) * 2^left, element by element.

    x       [..., n] one channel each
    y       [..., n] with left more fractional bits
    lo, hi  [n] the range of each channel; lo * 2^left and hi * 2^left fit int16
    left    [n] 0..15

    A count of 12 bits would have weights 16 times as large as its neighbours in a row, and all
    weights of a row share one scale: shifted to the top of int16, it costs them no digits.
    """

    left: Integers

    kernel: ClassVar[str] = "counts"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "left", frozen_integers(self.left, 1))
        if np.any((self.left < 0) | (self.left > 15)):
            raise ValueError("a shift is not in 0..15")
        if np.any((self.lo << self.left < INT16_MIN) | (self.hi << self.left > INT16_MAX)):
            raise ValueError("a shifted count does not fit int16")

    def integer(self, x: Value) -> Value:
        return super().integer(x) * constant(1 << self.left, x)

    def tables(self) -> list[Table]:
        left = Table("left", "uint8_t", self.left, "shift of each channel to the left")
        return [*super().tables(), left]


OP = Counts
