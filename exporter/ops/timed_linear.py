"""z = W x + b + dt (R x + r): how elapsed time enters a CfC, in one sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT32_MAX,
    Integers,
    Interval,
    RangeError,
    Value,
    constant,
    product,
    rshr,
    saturate,
)
from elegans.exporter.ops import Table, integers

RATE_SHIFT = 16  # what is left of a rate is the upper half of its accumulator: an int16


@dataclass(frozen=True, eq=False)
class TimedLinear:
    """Two maps of one input, the second one times elapsed time.

    weights, rates    [rows, cols] of `weight_bits`
    bias, rate_bias   [rows] int32, each at its accumulator's scale
    shift             [rows] 0..30, from the accumulator of W x + b to z

    A rate is rounded to int16, its accumulator's upper half; times dt it has the scale of
    the other accumulator and joins it, so z is rounded once.
    """

    weights: Integers
    bias: Integers
    rates: Integers
    rate_bias: Integers
    shift: Integers

    kernel: ClassVar[str] = "timed_linear"
    weight_bits: ClassVar[int] = 16
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        dimensions = {"weights": 2, "bias": 1, "rates": 2, "rate_bias": 1, "shift": 1}
        for name, ndim in dimensions.items():
            object.__setattr__(self, name, integers(getattr(self, name), ndim))

    def integer(self, x: Value, dt: Value) -> Value:
        rate = rshr(product(x, self.rates) + constant(self.rate_bias, x), RATE_SHIFT)
        still = product(x, self.weights) + constant(self.bias, x)
        return saturate(rshr(still + rate * dt, self.shift))

    def real(self, x: Value, dt: Value) -> Value:
        scale: Any = np.ldexp(1.0, -self.shift)
        rate = (product(x, self.rates) + constant(self.rate_bias, x)) * 2.0**-RATE_SHIFT
        still = product(x, self.weights) + constant(self.bias, x)
        return (still + rate * dt) * constant(scale, x)

    def range(self, x: Interval, dt: Interval) -> Interval:
        reach = self.reach(x.reach(), int(dt.reach().max()))
        if reach.size and reach.max() > INT32_MAX:
            row = int(reach.argmax())
            raise RangeError(f"an accumulator of row {row} reaches {reach[row]}")
        result: Interval = self.integer(x, dt)
        return result

    def reach(self, x: Integers, dt: int) -> Integers:
        """[rows]: what the larger accumulator can come to, partial sums and rounding included."""
        rates = np.abs(self.rates) @ x + np.abs(self.rate_bias) + (1 << (RATE_SHIFT - 1))
        still = np.abs(self.weights) @ x + np.abs(self.bias) + ((1 << self.shift) >> 1)
        reach: Integers = np.maximum(rates, still + ((rates >> RATE_SHIFT) + 1) * dt)
        return reach

    def tables(self) -> list[Table]:
        rows, cols = self.weights.shape
        ctype = f"int{self.weight_bits}_t"
        return [
            Table("w", ctype, self.weights, f"weights, [{rows}][{cols}]"),
            Table("b", "int32_t", self.bias, "biases, at the accumulator's scale"),
            Table("r", ctype, self.rates, f"weights of the rate, [{rows}][{cols}]"),
            Table("c", "int32_t", self.rate_bias, "biases of the rate"),
            Table("s", "uint8_t", self.shift, "shifts, accumulator to output"),
        ]

    def scalars(self) -> list[int]:
        rows, cols = self.weights.shape
        return [cols, rows]


OP = TimedLinear
