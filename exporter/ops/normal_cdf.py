"""Phi(z), the cumulative distribution function of the standard normal: gelu(x) = x Phi(x)."""

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
    """Phi(z), monotone, within 2 units of the exact value.

    z       [..., n] Q2.13; at its ends, +-4, Phi is within one unit of Q0.15 of 0 and 1
    result  [..., n] Q0.15, 0..32767
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
    """An odd function, linearly interpolated between entries at z = 0, 128, 256, ..., 32768.

    entries  [257], Q0.15

    The sign is applied last, so the result is exactly odd. z = -32768, whose magnitude int16
    lacks, is taken as -32767. A slope is below 1024 and the fraction below 128, so their
    product fits int32.
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
    """[257]: f(z) = erf(z / sqrt(2)) at z = k / 64 in Q0.15, plus a correction; 2 Phi = 1 + f.

    On a segment of width w, the chord of a concave curve lies below it by up to w^2 / 8 |f''|,
    with |f''(z)| = sqrt(2 / pi) z exp(-z^2 / 2). Raising both ends by half of that centres the
    error of the interpolation at zero.
    """
    width = 1 / 64
    z = np.arange(257) * width
    curve = np.array([erf(v / sqrt(2)) for v in z])
    bend = np.array([sqrt(2 / pi) * v * exp(-v * v / 2) for v in z])
    return np.minimum(round_half_up(32768 * (curve + width**2 / 16 * bend)), INT16_MAX)


def _phi(z: Value) -> Value:
    """Phi of a NumPy array or a torch tensor."""
    if hasattr(z, "erf"):
        return 0.5 * (1.0 + (z * 0.5**0.5).erf())
    return 0.5 * (1.0 + np.vectorize(erf, otypes=[float])(np.asarray(z) * 0.5**0.5))


OP = NormalCdf
