"""z = W x + b + dt (R x + r): the argument of a CfC's time gate as one map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    Integers,
    Interval,
    RangeError,
    Value,
    constant,
    product,
    rshr,
    saturate,
)
from elegans.exporter.ops import Table, frozen_integers, trained

RATE_SHIFT = 16  # from a rate's accumulator to the rate: its upper half is an int16


@dataclass(frozen=True, eq=False)
class TimedLinear:
    """z = sat16(rshr(W x + b + rshr(R x + r, 16) * dt, shift)).

    x                [..., cols]
    dt               [..., 1] elapsed time
    weights, rates   [rows, cols] of `weight_bits`: W and R
    bias, rate_bias  [rows] int32: b and r, each at its accumulator's scale
    shift            [rows] 0..30, from the accumulator of W x + b to z
    z                [..., rows]

    R's scale is such that the rate, rounded to int16, times dt has the scale of the other
    accumulator. It is added there, so z is rounded only once.
    """

    weights: Integers
    bias: Integers
    rates: Integers
    rate_bias: Integers
    shift: Integers

    kernel: ClassVar[str] = "timed_linear"
    weight_bits: ClassVar[int] = 16
    sums: ClassVar[type[Interval]] = Interval
    """As in `Linear`."""
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        dimensions = {"weights": 2, "bias": 1, "rates": 2, "rate_bias": 1, "shift": 1}
        for name, ndim in dimensions.items():
            object.__setattr__(self, name, frozen_integers(getattr(self, name), ndim))

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
        if reach.size and reach.max() > self.sums.most:
            row = int(reach.argmax())
            raise RangeError(f"an accumulator of row {row} reaches {reach[row]}")
        result: Interval = self.integer(*(self.sums(v.lo, v.hi) for v in (x, dt)))
        return Interval.of(result.lo, result.hi)

    def reach(self, x: Integers, dt: int) -> Integers:
        """The greatest magnitude of either accumulator, with partial sums and rounding, [rows].

        x   [cols] the greatest magnitude of each input
        dt  the greatest magnitude of elapsed time
        """
        rates = np.abs(self.rates) @ x + np.abs(self.rate_bias) + (1 << (RATE_SHIFT - 1))
        still = np.abs(self.weights) @ x + np.abs(self.bias) + ((1 << self.shift) >> 1)
        reach: Integers = np.maximum(rates, still + ((rates >> RATE_SHIFT) + 1) * dt)
        return reach

    def tables(self) -> list[Table]:
        rows, cols = self.weights.shape
        ctype = f"int{self.weight_bits}_t"
        return [
            trained("w", ctype, self.weights, f"weights, [{rows}][{cols}]"),
            trained("b", "int32_t", self.bias, "biases, at the accumulator's scale"),
            trained("r", ctype, self.rates, f"weights of the rate, [{rows}][{cols}]"),
            trained("c", "int32_t", self.rate_bias, "biases of the rate"),
            trained("s", "uint8_t", self.shift, "shifts, accumulator to output"),
        ]

    def scalars(self) -> list[int]:
        rows, cols = self.weights.shape
        return [cols, rows]


OP = TimedLinear
