"""Phi(z), the normal distribution's cumulative function: gelu(x) = x Phi(x)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import erf, exp, pi, sqrt
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
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
class NormalCdf:
    """z in Q2.13, result in Q0.15, in [0, 32767]: monotone, within 2 units of Phi.

    At +-4, where z ends, Phi is one unit short of flat.
    """

    kernel: ClassVar[str] = "normal_cdf"
    in_place: ClassVar[bool] = True

    def integer(self, z: Value) -> Value:
        return rshr(odd_curve(z, normal_table()) + 32768, 1).clip(0, INT16_MAX)

    def real(self, z: Value) -> Value:
        return 32768.0 * _phi(z * (1 / 8192))

    def range(self, z: Interval) -> Interval:
        self.integer(z)
        return z.image(self.integer)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


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
def normal_table() -> Integers:
    """erf(k / 64 / sqrt(2)) in Q0.15, lifted by half of what a chord falls short.

    On a segment of width w a chord lies below a concave curve by up to w^2/8 |f''|; lifting
    both its ends by half of that balances the error around zero.
    """
    width = 1 / 64
    z = np.arange(257) * width
    curve = np.array([erf(v / sqrt(2)) for v in z])
    bend = np.array([sqrt(2 / pi) * v * exp(-v * v / 2) for v in z])
    return np.minimum(round_half_up(32768 * (curve + width**2 / 16 * bend)), INT16_MAX)


def _phi(z: Value) -> Value:
    """The real-valued function, for NumPy as for torch."""
    if hasattr(z, "erf"):
        return 0.5 * (1.0 + (z * 0.5**0.5).erf())
    return 0.5 * (1.0 + np.vectorize(erf, otypes=[float])(np.asarray(z) * 0.5**0.5))


OP = NormalCdf
