"""s = 1 - exp(-dt / tau): the share of its way that a leaky integrator goes in an elapsed time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import INT16_MAX, Integers, Interval, Value, constant, rshr
from elegans.exporter.ops import ALONE, RELATIVE, Table, frozen_integers
from elegans.exporter.ops.time_share import (
    MOST_EXPONENT,
    as_relative,
    limited,
    rate_tables,
    real_time,
    relative_range,
    scaled_time,
)

LONGEST = 4
"""The curve of `DecayShare` ends at 2^4 time constants, where 1e-7 of a state is left."""
_ONE = (1 << 16) - 1  # in Q0.16
_END = (1 << (16 + LONGEST)) - 1  # in Q4.16


@dataclass(frozen=True, eq=False)
class DecayShare:
    """s = 1 - exp(-x) with x = dt / tau, as exact for x = 1e-6 as for x = 1.

    t      [..., 2] elapsed time: mantissa and exponent, as `Elapsed` gives them
    rate   [n] 0..2^15 - 1, the mantissa of 1 / tau
    shift  [n] its exponent: x = rshr(rate * m_t, 15) 2^-(11 + k) with k = shift + e_t
    m, e   [..., n] each: s = m 2^-(15 + e), m in 0..32767 and e in 0..17

    Below one time constant s is x phi(x) with phi(x) = (1 - exp(-x)) / x, a smooth curve between
    1 and 0.63, so s has the relative error of x and phi, below 2^-12, or 2^-33 of one, where its
    exponent ends. From one time constant on the curve is s itself, within 3.5 units of 2^-15.
    """

    rate: Integers
    shift: Integers

    kernel: ClassVar[str] = "decay_share"
    form: ClassVar[str] = RELATIVE
    in_place: ClassVar[bool] = False
    elementwise: ClassVar[tuple[str, ...]] = (ALONE,)

    def __post_init__(self) -> None:
        for field in ("rate", "shift"):
            object.__setattr__(self, field, frozen_integers(getattr(self, field), 1))

    def integer(self, t: Value) -> tuple[Value, Value]:
        x, k = scaled_time(t, self.rate, self.shift)
        # x is scaled >> k in Q4.16. A time beyond the curve's end counts as its end.
        k = k + 1
        beyond = (k * -1).clip(0, 1)
        x, k = (x + beyond * INT16_MAX).clip(0, INT16_MAX), k.clip(0, 127)
        scaled = x * (4 << LONGEST)
        whole = k.clip(0, LONGEST + 1)
        factor = (scaled >> whole).clip(0, _ONE)
        m = rshr(factor * curve((scaled >> k.clip(0, 31)).clip(0, _END)), 16)
        return limited(m, k - whole)

    def real(self, t: Value) -> tuple[Value, Value]:
        x = real_time(t, self.rate, self.shift - LONGEST)
        return as_relative(1.0 - np.e ** (x * -1.0), t, self.integer)

    def range(self, t: Interval) -> tuple[Interval, Interval]:
        return relative_range(len(self.rate))

    def near(self, t: Interval) -> bool:
        """Whether no time is beyond the curve by its exponent, and no share has too great a one."""
        least, most = int(t.lo[1] + self.shift.min()), int(t.hi[1] + self.shift.max())
        return least >= -1 and most + 1 <= MOST_EXPONENT + LONGEST + 1

    def tables(self) -> list[Table]:
        return rate_tables(self.rate, self.shift)

    def scalars(self) -> list[int]:
        return []


def curve(z: Value) -> Value:
    """phi(x) for x below 1 and 1 - exp(-x) above, in Q0.15, within 2 units; z is x in Q4.16."""
    c0, c1, c2 = (constant(column, z) for column in parabolas().T)
    segment, j = z >> 14, (z & 16383) - 8192
    return c0[segment] + rshr((c1[segment] + rshr(c2[segment] * j, 16)) * j, 13)


@cache
def parabolas() -> Integers:
    """[64, 3]: each segment's c0 + (c1 + c2 j / 2^16) j / 2^13 around its centre, |j| <= 2^13."""
    table = np.array(_CURVE, dtype=np.int64)
    table.setflags(write=False)
    return table


# fmt: off
_CURVE = (
    (30803, -1887, 616), (27325, -1603, 517), (24366, -1367, 425), (21838, -1169, 358),
    (22130, 1333, -670), (24483, 1038, -520), (26316, 808, -408), (27743, 630, -316),
    (28854, 490, -239), (29720, 382, -190), (30394, 297, -147), (30919, 232, -112),
    (31328, 180, -88), (31647, 140, -73), (31895, 109, -57), (32088, 85, -44),
    (32238, 66, -30), (32355, 52, -21), (32447, 40, -23), (32518, 31, -20),
    (32573, 24, -12), (32616, 19, -6), (32650, 15, -11), (32676, 12, -11),
    (32696, 9, -4), (32712, 7, -3), (32725, 5, -9), (32734, 4, -4),
    (32742, 3, -8), (32748, 2, -7), (32752, 2, -3), (32756, 2, -7),
    (32758, 1, -3), (32760, 1, -3), (32762, 1, -3), (32763, 0, -4),
    (32764, 0, -3), (32765, 0, -3), (32766, 0, -3), (32766, 0, -3),
    (32767, 0, -3), (32767, 0, -3), (32767, 0, -3), (32767, 0, -3),
    (32767, 0, -3), (32767, 0, -3), (32767, 0, -3), (32767, 0, -3),
    (32767, 0, -3), (32767, 0, -3), (32767, 0, -3), (32767, 0, -3),
    (32767, 0, -3), (32767, 0, -3), (32767, 0, -3), (32767, 0, -3),
    (32767, 0, -3), (32767, 0, -3), (32767, 0, -3), (32767, 0, -3),
    (32767, 0, -3), (32767, 0, -3), (32767, 0, -3), (32767, 0, -3),
)
# fmt: on

OP = DecayShare
