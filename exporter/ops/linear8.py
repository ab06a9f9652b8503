"""`linear` with int8 weights: half the flash, coarser weights, two scales a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.ops import Table, frozen_integers, trained
from elegans.exporter.ops.linear import Linear


@dataclass(frozen=True, eq=False)
class Linear8(Linear):
    """As `Linear`; the first `split` weights of a row have a scale of their own.

    split  0..cols
    lifts  [rows] 0..7: in the first `split` columns a weight is an int8 times 2^lift, in the
           others an int8; `weights` has the products, every int8 is in -127..127. Empty if
           all lifts are 0

    Raises ValueError for weights that are no such product.
    """

    split: int = 0
    lifts: Integers = field(default_factory=lambda: np.zeros(0, np.int64))

    kernel: ClassVar[str] = "linear8"
    weight_bits: ClassVar[int] = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        lifts = self.lifts if len(self.lifts) else np.zeros(len(self.bias), np.int64)
        object.__setattr__(self, "lifts", frozen_integers(lifts, 1))
        self.small()

    def small(self) -> Integers:
        """[rows, cols] the int8 of each weight."""
        return int8_of(self.weights, lifted(self.weights.shape[1], self.split, self.lifts))

    def tables(self) -> list[Table]:
        rows, cols = self.weights.shape
        return [
            trained("w", "int8_t", self.small(), f"weights, [{rows}][{cols}]"),
            *self.row_tables(),
            trained(
                "l", "uint8_t", self.lifts, f"lifts of the first {self.split} weights of a row"
            ),
        ]

    def scalars(self) -> list[int]:
        return [*super().scalars(), self.split]


def lifted(cols: int, split: int, lifts: Integers) -> Integers:
    """[rows, cols] the lift of every weight."""
    return np.where(np.arange(cols) < split, lifts[:, None], 0)


def int8_of(weights: Any, lifts: Integers) -> Integers:
    """Weights [rows, cols] without their powers of two, 2^lifts [rows, cols].

    Raises ValueError where the result is not a whole number in -127..127.
    """
    values = np.asarray(weights)
    small: Integers = values >> lifts
    if not np.array_equal(small << lifts, values) or np.abs(small).max(initial=0) > 127:
        raise ValueError("a weight is no int8 times the power of two of its part of the row")
    return small


OP = Linear8
