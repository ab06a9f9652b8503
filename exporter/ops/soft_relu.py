"""y = max(z, 0) + c(z): silu, gelu, softplus and their like, the curve c from a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    Integers,
    Interval,
    Value,
    constant,
    rshr,
    saturate,
)
from elegans.exporter.numbers.soft_curves import CURVES, HALF, pieces
from elegans.exporter.ops import Table, frozen_integers

_FRAC = 15  # fractional bits in which z and the curve are added
_MOST = _FRAC + 15


@dataclass(frozen=True, eq=False)
class SoftRelu:
    """A function of one argument, `soft_curves.CURVES[curve]`, within 3 units of Q0.15 and then
    rounded once more to the format of y.

    z       [..., n]
    y       [..., n], saturated
    curve   the function's name
    pieces  [128, 2] its table, `soft_curves.pieces(curve)`
    left    [n] 0..15: 15 less the fractional bits of z
    right   [n] 0..15: 15 less the fractional bits of y

    z 2^left has 15 fractional bits and is at most 2^30, so the argument is not rounded.
    tests/exporter/ops/test_soft_relu.py tries all 65,536 arguments.
    """

    curve: str
    pieces: Integers
    left: Integers
    right: Integers

    kernel: ClassVar[str] = "soft_relu"
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "pieces", frozen_integers(self.pieces, 2))
        for name in ("left", "right"):
            object.__setattr__(self, name, frozen_integers(getattr(self, name), 1))

    @staticmethod
    def of(curve: str, z_frac: Integers, y_frac: Integers) -> SoftRelu:
        """The op from z of these fractional bits to y of those, [n] each, 0..15."""
        return SoftRelu(curve, pieces(curve), _FRAC - z_frac, _FRAC - y_frac)

    def integer(self, z: Value) -> Value:
        return self._shifted(z, self.left, self.right)

    def _shifted(self, z: Value, left: Integers, right: Integers) -> Value:
        reach = CURVES[self.curve].reach
        limit, width = 1 << (_FRAC + reach), 9 + reach
        m = z * constant(1 << left, z)
        at = m.clip(-limit, limit - 1) + limit
        i = at >> width
        j = (at & ((1 << width) - 1)) * (1 << (16 - width)) - HALF
        value, word = self.pieces.T
        bend = ((word & 0xFFFF) ^ HALF) - HALF  # the lower half, as an int16
        slope = constant(word, z)[i] + constant(bend, z)[i] * j
        c = constant(value, z)[i] + ((slope * j) >> 16)
        return saturate(rshr(m.clip(0, 1 << _MOST) + (c >> _FRAC), right))

    def real(self, z: Value) -> Value:
        x = z * constant(np.ldexp(1.0, self.left - _FRAC), z)
        y: Value = CURVES[self.curve].function(x)
        return y * constant(np.ldexp(1.0, _FRAC - self.right), z)

    def range(self, z: Interval) -> Interval:
        """The exact image. The function falls and rises, so every argument is tried, once for
        each pair of formats."""
        lo, hi = np.zeros_like(z.lo), np.zeros_like(z.hi)
        every = np.arange(INT16_MIN, INT16_MAX + 1)
        for pair in {*zip(self.left.tolist(), self.right.tolist(), strict=True)}:
            values = self._shifted(every, *(np.array([shift]) for shift in pair))
            for n in np.flatnonzero((self.left == pair[0]) & (self.right == pair[1])):
                image: Any = values[z.lo[n] - INT16_MIN : z.hi[n] - INT16_MIN + 1]
                lo[n], hi[n] = image.min(), image.max()
        return Interval.of(lo, hi)

    def tables(self) -> list[Table]:
        comment = f"{self.curve} less max(z, 0): 128 parabolas, value and slope"
        return [
            Table("c", "int32_t", self.pieces, comment, shared=True),
            Table("l", "uint8_t", self.left, "shifts, argument to 15 fractional bits"),
            Table("r", "uint8_t", self.right, "shifts, 15 fractional bits to output"),
        ]

    def scalars(self) -> list[int]:
        return [CURVES[self.curve].reach]


OP = SoftRelu
