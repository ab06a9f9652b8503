"""y = W x + b with a result of 32 bits: for a map whose 16 bits would be too coarse where it is
multiplied by a time, by a gate or by a ratio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    Interval,
    RangeError,
    Value,
    constant,
    halves,
    product,
    rshr,
)
from elegans.exporter.ops import WIDE
from elegans.exporter.ops.long_linear import LongLinear

WIDE_SHIFTS = range(13, 31)
"""The shifts from an accumulator to the upper half of a result of 32 bits: the accumulator is
shifted up by 4 bits first, so that what follows is always a shift down."""
_UP = 4


@dataclass(frozen=True, eq=False)
class WideLinear(LongLinear):
    """y = halves(rshr(16 (W x + bias), shift - 12)), with an accumulator of 64 bits.

    x, weights, bias  as in `Linear`
    shift             [rows] 13..30, from the accumulator to the upper half of y
    y                 [..., 2 rows] halves of 32-bit integers

    `range` raises `RangeError` for an accumulator that could reach 2^43, and for a result whose
    upper half could reach -2^15 or leave int16: nothing saturates.
    """

    kernel: ClassVar[str] = "wide_linear"
    form: ClassVar[str] = WIDE

    def __post_init__(self) -> None:
        super().__post_init__()
        check_wide_shifts(self)

    def integer(self, x: Value) -> tuple[Value, Value]:
        return wide_integer(self, x)

    def real(self, x: Value) -> tuple[Value, Value]:
        upper = LongLinear.real(self, x)
        return upper, 0.0 * upper

    def range(self, x: Interval) -> tuple[Interval, Interval]:
        return wide_range(self, x)


def check_wide_shifts(op: Any) -> None:
    """Raises ValueError for a shift that these kernels do not take."""
    shift = op.shift
    if shift.size and not (shift.min() in WIDE_SHIFTS and shift.max() in WIDE_SHIFTS):
        raise ValueError(f"shifts {shift.min()}..{shift.max()}, expected 13..30")


def wide_integer(op: Any, x: Value) -> tuple[Value, Value]:
    """The halves of a map's result."""
    accumulator = product(x, op.weights) + constant(op.bias, x)
    return halves(rshr(accumulator * (1 << _UP), op.shift - (16 - _UP)))


def wide_range(op: Any, x: Interval) -> tuple[Interval, Interval]:
    """The bounds of the halves of a map's result, and the proof that they are int16."""
    sums = op.sums(x.lo, x.hi)
    reach = product(x.reach().astype(np.float64), abs(op.weights)) + np.abs(op.bias)
    if reach.size and reach.max() > op.sums.most:
        row = int(reach.argmax())
        raise RangeError(f"the accumulator of row {row} reaches {int(reach[row])}")
    found = product(sums, op.weights) + constant(op.bias, sums)
    lo, hi = (rshr(end << _UP, op.shift - (16 - _UP)) for end in (found.lo, found.hi))
    if hi.max() > INT32_MAX - (1 << 15) or lo.min() < -INT32_MAX + (1 << 15):
        raise RangeError("the upper half of a map's result leaves int16")
    upper = Interval.of(rshr(lo, 16), rshr(hi, 16))
    return upper, Interval.of(0 * upper.lo + INT16_MIN, 0 * upper.lo + INT16_MAX)


OP = WideLinear
