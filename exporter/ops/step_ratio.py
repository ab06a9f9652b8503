"""r = dt / C of each neuron, once a step, for all unfolds of LTC's solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    Integers,
    Interval,
    Value,
    constant,
)
from elegans.exporter.ops import RELATIVE, Table, frozen_integers
from elegans.exporter.ops.time_share import rate_tables, scaled_time

MOST_LEFT = 18
"""The greatest shift of a quotient to the left: it bounds the rounding of `FusedStep`."""
MOST_SHIFT = 31  # where nothing of the product of two int16 is left
_LEAST_LEFT = -20  # beyond it nothing of a quotient is left


@dataclass(frozen=True, eq=False)
class StepRatio:
    """r = dt / C as a mantissa, and the two shifts that `FusedStep` makes of its exponent.

    t        [..., 2] elapsed time: mantissa and exponent, as `Elapsed` gives them
    rate     [n] 0..2^15 - 1, the mantissa of 1 / C
    shift    [n] its exponent
    quotient 19..32, so that s - 1 is at least 0
    m        [..., n] rshr(rate * m_t, 15), 0..32767
    s - 1    [..., n] for s = shift + (the exponent of t): m G 2^-s is r G at the divisor's scale
    left     [..., n] quotient - s: how far a quotient is shifted to the left, -20..18

    Where left would exceed 18, dt is thousands of time constants, and counts as less: m = 32767 and
    left = 18. Of s - 1, what exceeds 31 is left out.
    """

    rate: Integers
    shift: Integers
    quotient: int

    kernel: ClassVar[str] = "step_ratio"
    form: ClassVar[str] = RELATIVE
    parts: ClassVar[int] = 3
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for field in ("rate", "shift"):
            object.__setattr__(self, field, frozen_integers(getattr(self, field), 1))

    def integer(self, t: Value) -> tuple[Value, ...]:
        return ratio_parts(*scaled_time(t, self.rate, self.shift), self.quotient)

    def real(self, t: Value) -> tuple[Value, ...]:
        whole = t.detach().long() if hasattr(t, "detach") else t.astype(np.int64)
        _, *shifts = self.integer(whole)
        m = t[..., 0:1] * constant(np.asarray(self.rate * 2.0**-15, np.float64), t)
        return (m, *(part + 0.0 * m for part in shifts))

    def range(self, t: Interval) -> tuple[Interval, ...]:
        zero = np.zeros(len(self.rate), np.int64)
        ends = ((0, INT16_MAX), (0, MOST_SHIFT), (_LEAST_LEFT, MOST_LEFT))
        return tuple(Interval.of(zero + lo, zero + hi) for lo, hi in ends)

    def tables(self) -> list[Table]:
        return rate_tables(self.rate, self.shift)

    def scalars(self) -> list[int]:
        return [self.quotient]


def ratio_parts(m: Value, s: Value, quotient: int) -> tuple[Value, ...]:
    """Mantissas and exponents as the three parts that `FusedStep` reads."""
    least = quotient - MOST_LEFT
    beyond = (s * -1 + least).clip(0, 1)
    m, s = (m + beyond * INT16_MAX).clip(0, INT16_MAX), s.clip(least, 127)
    return m, (s + -1).clip(0, MOST_SHIFT), (s * -1 + quotient).clip(_LEAST_LEFT, MOST_LEFT)


OP = StepRatio
