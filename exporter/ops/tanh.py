"""tanh from one odd table of 257 entries, interpolated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from elegans.exporter.fixed import (
    INT16_MAX,
    Integers,
    Interval,
    Value,
    constant,
    round_half_up,
    rshr,
)
from elegans.exporter.ops import Table


@dataclass(frozen=True)
class Tanh:
    """z in Q3.12, result in Q0.15: odd, monotone, within 2 units of tanh correctly rounded."""

    kernel: ClassVar[str] = "tanh"
    in_place: ClassVar[bool] = True

    def integer(self, z: Value) -> Value:
        return odd_tanh(z)

    def real(self, z: Value) -> Value:
        return 32768.0 * smooth_tanh(z * (1 / 4096))

    def range(self, z: Interval) -> Interval:
        self.integer(z)
        return z.image(odd_tanh)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


def odd_tanh(z: Value) -> Value:
    """The interpolation that tanh and sigmoid share."""
    return odd_curve(z, tanh_table())


def odd_curve(z: Value, entries: Integers) -> Value:
    """An odd function from 257 entries for z >= 0, interpolated.

    The sign goes last, so the result is odd. -32768, which has no negative in int16, counts
    as -32767. A slope is at most 1024 and the fraction below 128: the product fits.
    """
    table = constant(entries, z)
    sign = (z >> 15) * 2 + 1
    magnitude = abs(z).clip(0, INT16_MAX)
    segment = magnitude >> 7
    left = table[segment]
    slope = table[segment + 1] - left
    return sign * (left + rshr(slope * (magnitude & 127), 7))


@cache
def tanh_table() -> Integers:
    """tanh at k/32 in Q0.15, each entry lifted by half of what a chord falls short.

    On a segment of width w a chord lies below a concave curve by up to w^2/8 |tanh''|;
    lifting both its ends by half of that balances the error around zero.
    """
    width = 1 / 32
    t = np.tanh(np.arange(257) * width)
    lift = width**2 / 16 * 2 * t * (1 - t * t)
    return np.minimum(round_half_up(32768 * (t + lift)), INT16_MAX)


def smooth_tanh(z: Value) -> Value:
    """The real-valued function, for NumPy as for torch."""
    return z.tanh() if hasattr(z, "tanh") else np.tanh(z)


OP = Tanh
