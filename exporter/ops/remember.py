"""h' = A h + c: a linear memory, whose states and constant matrix have more than 16 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT32_MAX,
    Integers,
    Interval,
    RangeError,
    Value,
    constant,
    halves,
    product,
)
from elegans.exporter.numbers.held_states import held_range
from elegans.exporter.ops import WIDE, Table, frozen_integers, trained


@dataclass(frozen=True, eq=False)
class Remember:
    """h' = A h + c, held where its upper half is lo..hi, as halves.

    h             [..., 2 size] halves of 32-bit states in one format
    c             [..., size] what comes in
    coarse, fine  [size, size] A = 2^(room - 16) (coarse + fine 2^-digits)
    room          1..15: sums are in units of 2^room of h
    digits        1..12 of A below those of `coarse`
    left          0..15: the fractional bits of h in 32 bits, less room and those of c
    lo, hi        [size] least and greatest upper half, more than -2^15

    The lower halves are multiplied by `coarse` only: what is left out is below a unit of a sum.
    """

    coarse: Integers
    fine: Integers
    room: int
    digits: int
    left: int
    lo: Integers
    hi: Integers

    kernel: ClassVar[str] = "remember"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name, ndim in (("coarse", 2), ("fine", 2), ("lo", 1), ("hi", 1)):
            object.__setattr__(self, name, frozen_integers(getattr(self, name), ndim))

    def integer(self, h: Value, c: Value) -> tuple[Value, Value]:
        n, one = len(self.lo), 1 << (16 - self.room)
        upper, lower = h[..., 0:n], h[..., n : 2 * n]
        below = (product(lower, self.coarse) >> 16) + (product(upper, self.fine) >> self.digits)
        moved = product(upper, self.coarse) + below + c * (1 << self.left)
        held = moved.clip(constant(self.lo * one, h), constant(self.hi * one, h))
        return halves(held * (1 << self.room))

    def real(self, h: Value, c: Value) -> tuple[Value, Value]:
        n, unit = len(self.lo), 2.0 ** (self.room - 16)
        h = h[..., 0:n] + h[..., n : 2 * n] * 2.0**-16
        lo, hi = (constant(np.asarray(end, np.float64), h) for end in (self.lo, self.hi))
        matrix = self.coarse + self.fine * 2.0**-self.digits
        moved = (product(h, matrix) + c * 2.0**self.left) * unit
        return moved.clip(lo, hi), 0.0 * h

    def range(self, h: Interval, c: Interval) -> tuple[Interval, Interval]:
        n = len(self.lo)
        upper = h[..., 0:n].reach()
        coarse, fine = np.abs(self.coarse), np.abs(self.fine)
        sums = coarse @ upper, coarse.sum(axis=1) << 15, fine @ upper
        if max(int(part.max()) for part in sums) > INT32_MAX:
            raise RangeError("the sum of a linear memory leaves int32")
        reach = sums[0] + (sums[1] >> 16) + (sums[2] >> self.digits) + 2
        return held_range(reach + (c.reach() << self.left), self.lo, self.hi)

    def tables(self) -> list[Table]:
        n = len(self.lo)
        return [
            trained("w", "int16_t", self.coarse, f"matrix, [{n}][{n}]"),
            trained("w_fine", "int16_t", self.fine, f"its digits below, [{n}][{n}]"),
            Table("lo", "int16_t", self.lo, "least upper half of each state"),
            Table("hi", "int16_t", self.hi, "greatest upper half of each state"),
        ]

    def scalars(self) -> list[int]:
        return [self.room, self.digits, self.left]


OP = Remember
