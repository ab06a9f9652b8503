"""y = (x - mean) / sqrt(variance + epsilon): what layers of normalisation are made of.

A variance has twice the digits of what it is made of, so it is never brought to 16 bits: the
vector is first shifted to where its greatest element has 15 of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    Integers,
    Interval,
    Value,
    constant,
    product,
    rdiv,
    round_half_up,
    rshr,
    saturate,
)
from elegans.exporter.ops import Table
from elegans.exporter.ops.below_greatest import greatest

MOST = 1 << 10
"""Elements of a vector: their sums then fit int32."""
_ZEROS = 32  # entries of a table by the number of leading zeros
_MOST_EPSILON = 1 << 28
_SIGN = 31
_SLACK = 4  # units by which roundings may pass the greatest result


@dataclass(frozen=True)
class Normalise:
    """The vector at a mean of 0, if `centre` is 1, and a mean square of 1.

    x        [..., size] at one scale, `x_frac` fractional bits
    y        [..., size] `y_frac` fractional bits, such that sqrt(size) 2^y_frac <= 2^15
    size     1..`MOST`
    epsilon  what is added to the mean square, at least 0

    With d = size x - sum(x) and z the leading zeros of the greatest |d|, u = d 2^(z - 16) has 15
    bits. The mean square of u and epsilon at the same scale make t, which is below 2^30, and k
    pairs of its leading zeros are shifted out. Its root r is in 2^14..2^15, and
    y = u gain 2^(k - shift) / r.
    """

    size: int
    centre: int
    x_frac: int
    y_frac: int
    epsilon: float

    kernel: ClassVar[str] = "normalise"
    in_place: ClassVar[bool] = True

    @property
    def _halvings(self) -> int:
        """The shift of a square, so that the sum of all is at most 2^29."""
        return self.size.bit_length() + 1

    @property
    def _gain(self) -> tuple[int, int]:
        """sqrt(size / 2^halvings) 2^y_frac as gain 2^-shift, the gain in 2^14..2^15 - 1."""
        exact = math.ldexp(math.sqrt(self.size), self.y_frac - self._halvings // 2)
        exact /= math.sqrt(2.0) if self._halvings % 2 else 1.0
        shift = 14 - math.floor(math.log2(exact))
        return min(int(round_half_up(math.ldexp(exact, shift))), INT16_MAX), shift

    @property
    def _epsilons(self) -> Integers:
        """Epsilon by the number of zeros, as far as it counts."""
        z = np.arange(_ZEROS)
        two = 2 * self.x_frac + 2 * (z - 16) - self._halvings
        exact = np.ldexp(self.epsilon * float(self.size) ** 3, two)
        return round_half_up(np.minimum(exact, _MOST_EPSILON))

    @property
    def most_zeros(self) -> int:
        """The most zeros that are shifted out; where epsilon is greater, no more digits count."""
        small = np.flatnonzero(self._epsilons < _MOST_EPSILON)
        return min(int(small[-1]) if len(small) else 0, 30)

    def integer(self, x: Value) -> Value:
        n, halvings, (gain, shift) = self.size, self._halvings, self._gain
        d = x * n - product(x, np.full((1, n), self.centre, np.int64))
        left = greatest(abs(d), n)
        zeros = left * 0
        for step in (16, 8, 4, 2, 1):
            empty = (left >> (31 - step)).clip(0, 1) * -1 + 1
            left = left + left * empty * ((1 << step) - 1)
            zeros = zeros + empty * step
        zeros = zeros.clip(1, self.most_zeros)
        powers = constant(1 << np.arange(_ZEROS, dtype=np.int64), x)
        u = rshr(d * powers[zeros - 1], 15)
        squares = product(rshr(u * u, halvings), np.ones((1, n), np.int64))
        t = (squares + constant(self._epsilons, x)[zeros]).clip(1, (1 << 30) - 1)
        k = t * 0
        for step in (8, 4, 2, 1):
            empty = (t >> (30 - 2 * step)).clip(0, 1) * -1 + 1
            t = t + t * empty * ((1 << 2 * step) - 1)
            k = k + empty * step
        r = t * 0
        for bit in range(14, -1, -1):
            tried = r + (1 << bit)
            r = r + (((t - tried * tried) >> _SIGN) + 1) * (1 << bit)
        r = r - ((r - (t - r * r)) >> _SIGN)
        right = (k * -1 + shift).clip(0, _ZEROS - 1)
        up = (k - shift).clip(0, _ZEROS - 1)
        half = constant((1 << np.arange(_ZEROS, dtype=np.int64)) >> 1, x)
        return saturate(rdiv(((u * gain + half[right]) >> right) * powers[up], r))

    def real(self, x: Value) -> Value:
        n, ones = self.size, np.full((1, self.size), 1.0 / self.size)
        d = (x - self.centre * product(x, ones)) * 2.0**-self.x_frac
        square = product(d * d, ones) + self.epsilon
        tiny = 1e-30 if n else 0.0
        return d / (square + tiny) ** 0.5 * 2.0**self.y_frac

    def range(self, x: Interval) -> Interval:
        """No element is further than sqrt(size) root mean squares from the mean."""
        most = min(math.ceil(math.ldexp(math.sqrt(self.size), self.y_frac)) + _SLACK, INT16_MAX)
        return Interval.of(np.full_like(x.lo, -most), np.full_like(x.hi, most))

    def tables(self) -> list[Table]:
        return [Table("e", "int32_t", self._epsilons, "epsilon by the zeros that are shifted out")]

    def scalars(self) -> list[int]:
        return [self.centre, self.most_zeros, self._halvings, *self._gain]


OP = Normalise
