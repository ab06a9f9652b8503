"""y = u v of vectors in 32 bits: for products whose proofs are far wider than what occurs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    Interval,
    RangeError,
    Value,
    halves,
    rshr,
)
from elegans.exporter.ops import WIDE, Table


@dataclass(frozen=True)
class WideProduct:
    """y = u v / 2^shift in the scale of upper halves, as halves.

    u, v   [..., 2 size] halves of 32-bit integers
    shift  0..30, from the scale of a product of two upper halves to that of y's

    The four products of halves are shifted one by one, so that none takes more than 32 bits: y is
    at most three units of its 32 bits below the exact product. Nothing saturates: `range` raises
    `RangeError` for a product that could leave int32.
    """

    size: int
    shift: int

    kernel: ClassVar[str] = "wide_product"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True

    def integer(self, u: Value, v: Value) -> tuple[Value, Value]:
        n, shift = self.size, self.shift
        (a, b), (c, d) = ((w[..., 0:n], w[..., n : 2 * n]) for w in (u, v))
        upper = rshr(a * c, max(shift - 16, 0)) * (1 << max(16 - shift, 0))
        return halves(upper + (a * d >> shift) + (b * c >> shift) + (b * d >> 16 >> shift))

    def real(self, u: Value, v: Value) -> tuple[Value, Value]:
        n = self.size
        u, v = (w[..., 0:n] + w[..., n : 2 * n] * 2.0**-16 for w in (u, v))
        y = u * v * 2.0**-self.shift
        return y, 0.0 * y

    def range(self, u: Interval, v: Interval) -> tuple[Interval, Interval]:
        n, shift = self.size, self.shift
        u, v = u[..., 0:n], v[..., 0:n]
        a, c = u.reach(), v.reach()
        most = ((a * c >> max(shift - 16, 0)) + 1) << max(16 - shift, 0)
        most = most + ((a + c << 15) >> shift) + ((1 << 14) >> shift) + (1 << 15) + 4
        if most.max(initial=0) > INT32_MAX:
            raise RangeError(f"a product reaches {most.max()}, int32 ends before")
        corners = [
            (x + i) * (y + j)
            for x in (u.lo, u.hi)
            for y in (v.lo, v.hi)
            for i in (-1, 1)
            for j in (-1, 1)
        ]
        lo, hi = np.minimum.reduce(corners) >> shift, np.maximum.reduce(corners) >> shift
        ends = -INT16_MAX, INT16_MAX
        return (
            Interval.of(np.clip(lo - 1, *ends), np.clip(hi + 2, *ends)),
            Interval.of(0 * lo + INT16_MIN, 0 * lo + INT16_MAX),
        )

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.shift]


OP = WideProduct
