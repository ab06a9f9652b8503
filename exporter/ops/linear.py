"""y = W x + b: int16 weights and activations, an int32 accumulator and a shift for each row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    Integers,
    Interval,
    RangeError,
    Reals,
    Value,
    constant,
    in_float64,
    product,
    rshr,
    saturate,
)
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops import Table, frozen_integers, trained


@dataclass(frozen=True, eq=False)
class Linear:
    """y = sat16(rshr(W x + bias, shift)), every weight stored.

    x        [..., cols]
    weights  [rows, cols] of `weight_bits`; the weight of row r and column c has
             shift[r] + (fractional bits of y[r]) - (those of x[c]) fractional bits
    bias     [rows] int32, at the accumulator's scale
    shift    [rows] 0..30, from the accumulator to y
    y        [..., rows]

    The kernel starts with bias + rounding and adds the products one by one. In any order,
    a partial sum is at most sum|w| max|x| + |bias| + rounding in magnitude; `range` raises
    `RangeError` for a row where that exceeds int32.
    """

    weights: Integers | SparseMatrix
    bias: Integers
    shift: Integers

    kernel: ClassVar[str] = "linear"
    weight_bits: ClassVar[int] = 16
    sums: ClassVar[type[Interval]] = Interval
    """The intervals of accumulators, which say how far these reach."""
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", frozen_integers(self.weights, 2))
        object.__setattr__(self, "bias", frozen_integers(self.bias, 1))
        object.__setattr__(self, "shift", frozen_integers(self.shift, 1))

    @cached_property
    def _scaled(self) -> tuple[Reals | SparseMatrix, Reals]:
        """Weights and biases in float64 times 2^-shift, the biases with what rounds."""
        scale = np.ldexp(1.0, -self.shift)
        bias = (self.bias + ((1 << self.shift) >> 1)) * scale
        if isinstance(self.weights, SparseMatrix):
            found = self.weights.with_values(self.weights.values * scale[self.weights.rows])
            return found, bias
        return self.weights * scale[:, None], bias

    def integer(self, x: Value) -> Value:
        """`saturate(rshr(W x + bias, shift))`, one bias and one shift for each row.

        NumPy does it in float64, in place. That is exact as well: sums stay below 2^53, and what a
        power of two divides keeps all its digits.
        """
        if not isinstance(x, np.ndarray):
            sums = product(x, self.weights) + constant(self.bias, x)
            return saturate(rshr(sums, self.shift))
        weights, bias = self._scaled
        found = in_float64(x, weights)
        found += bias
        np.floor(found, out=found)
        return np.clip(found, INT16_MIN, INT16_MAX, out=found).astype(np.int64)

    def real(self, x: Value) -> Value:
        scale = np.ldexp(1.0, -self.shift)
        return (product(x, self.weights) + constant(self.bias, x)) * constant(scale, x)

    def range(self, x: Interval) -> Any:  # an interval; two of them where a result has parts
        rounding = (1 << self.shift) >> 1
        magnitudes: Any = abs(self.weights)
        reach = product(x.reach().astype(np.float64), magnitudes)
        reach += np.abs(self.bias) + rounding
        if reach.size and reach.max() > self.sums.most:
            row = int(reach.argmax())
            raise RangeError(f"the accumulator of row {row} reaches {int(reach[row])}")
        result: Interval = self.integer(self.sums(x.lo, x.hi))
        return Interval.of(result.lo, result.hi)

    def tables(self) -> list[Table]:
        rows, cols = self.weights.shape
        return [
            trained(
                "w", self.weight_type(), np.asarray(self.weights), f"weights, [{rows}][{cols}]"
            ),
            *self.row_tables(),
        ]

    def weight_type(self) -> str:
        """The weights' type in C: int8_t or int16_t."""
        return f"int{self.weight_bits}_t"

    def row_tables(self) -> list[Table]:
        """The tables of biases and shifts, which every layout of a dense or sparse map has."""
        return [
            trained("b", "int32_t", self.bias, "biases, at the accumulator's scale"),
            trained("s", "uint8_t", self.shift, "shifts, accumulator to output"),
        ]

    def scalars(self) -> list[int]:
        rows, cols = self.weights.shape
        return [cols, rows]


OP = Linear
