"""`timed_linear` with int8 weights: half the flash, coarser weights, two scales a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.ops import Table, frozen_integers, trained
from elegans.exporter.ops.linear8 import int8_of, lifted
from elegans.exporter.ops.timed_linear import TimedLinear


@dataclass(frozen=True, eq=False)
class TimedLinear8(TimedLinear):
    """As `TimedLinear`, with weights as in `Linear8`; W and R have scales of their own.

    split              0..cols, of W and of R
    lifts, rate_lifts  [rows] 0..7, of the first `split` columns of W and of R
    whole              [2] 0..7, lifts of all weights of W, and of all of R: both are int8, but
                       their accumulators have scales that elapsed time ties to each other

    Raises ValueError for weights that are no int8 times these powers of two.
    """

    split: int = 0
    lifts: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    rate_lifts: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    whole: Integers = field(default_factory=lambda: np.zeros(2, np.int64))

    kernel: ClassVar[str] = "timed_linear8"
    weight_bits: ClassVar[int] = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lifts", "rate_lifts"):
            given = getattr(self, name)
            lifts = given if len(given) else np.zeros(len(self.bias), np.int64)
            object.__setattr__(self, name, frozen_integers(lifts, 1))
        object.__setattr__(self, "whole", frozen_integers(self.whole, 1))
        self.small()

    def small(self) -> tuple[Integers, Integers]:
        """[rows, cols] the int8 of each weight of W, and of R."""
        cols = self.weights.shape[1]
        still = lifted(cols, self.split, self.lifts) + self.whole[0]
        moving = lifted(cols, self.split, self.rate_lifts) + self.whole[1]
        return int8_of(self.weights, still), int8_of(self.rates, moving)

    def tables(self) -> list[Table]:
        w, b, r, c, s = super().tables()
        still, moving = self.small()
        lifts = np.stack([self.lifts, self.rate_lifts], axis=1)
        return [
            trained(w.suffix, w.ctype, still, w.comment),
            b,
            trained(r.suffix, r.ctype, moving, r.comment),
            c,
            s,
            trained("l", "uint8_t", lifts, f"lifts of the first {self.split} weights of each row"),
        ]

    def scalars(self) -> list[int]:
        return [*super().scalars(), self.split, *self.whole.tolist()]


OP = TimedLinear8
