"""s = dt / tau: the share of its way that an Euler step goes, as mantissa and exponent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    Integers,
    Interval,
    RangeError,
    Value,
    constant,
    rshr,
    rshr_by,
)
from elegans.exporter.ops import RELATIVE, Table, frozen_integers, trained

MOST_EXPONENT = 17
"""Of a share: the product of its mantissa and a difference of two states is rounded in int32,
because 65534 * 32767 + 2^16 < 2^31."""


@dataclass(frozen=True, eq=False)
class TimeShare:
    """s = dt / tau, at most one, with the digits of the rate 1 / tau at any magnitude.

    t      [..., 2] elapsed time: mantissa and exponent, as `Elapsed` gives them
    rate   [n] 0..2^15 - 1, the mantissa of 1 / tau
    shift  [n] so that shift + (the exponent of t) is in -1..100
    m, e   [..., n] each: s = m 2^-(15 + e), m in 0..32767 and e in 0..17

    With x = rshr(rate * m_t, 15) and k = shift + e_t, s is x 2^-(15 + k); where k is above 17
    the mantissa gives up digits instead. k is -1 where a share above one half is the product of two
    small mantissas; then 2 x is the mantissa.
    """

    rate: Integers
    shift: Integers

    kernel: ClassVar[str] = "time_share"
    form: ClassVar[str] = RELATIVE
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for field in ("rate", "shift"):
            object.__setattr__(self, field, frozen_integers(getattr(self, field), 1))

    def integer(self, t: Value) -> tuple[Value, Value]:
        x, k = scaled_time(t, self.rate, self.shift)
        x = (x + x * (k * -1).clip(0, 1)).clip(0, INT16_MAX)
        return limited(x, k.clip(0, 127))

    def real(self, t: Value) -> tuple[Value, Value]:
        return as_relative(real_time(t, self.rate, self.shift), t, self.integer)

    def range(self, t: Interval) -> tuple[Interval, Interval]:
        least = int((self.shift + t.lo[1]).min())
        if least < -1:
            raise RangeError(f"a share has the exponent {least}: it can exceed 1")
        return relative_range(len(self.rate))

    def tables(self) -> list[Table]:
        return rate_tables(self.rate, self.shift)

    def scalars(self) -> list[int]:
        return []


def scaled_time(t: Value, rate: Integers, shift: Integers) -> tuple[Value, Value]:
    """rate * t as a mantissa in 0..32767 and an exponent."""
    x = rshr(t[..., 0:1] * constant(rate, t), 15).clip(0, INT16_MAX)
    return x, t[..., 1:2] + constant(shift, t)


def limited(m: Value, e: Value) -> tuple[Value, Value]:
    """m 2^-e with an exponent of at most `MOST_EXPONENT`; beyond 2^-47 it counts as 2^-47."""
    return rshr_by(m, (e + -MOST_EXPONENT).clip(0, 15)), e.clip(0, MOST_EXPONENT)


def real_time(t: Value, rate: Integers, shift: Integers) -> Value:
    """rate * t in real numbers: 2^-15 is one unit of a mantissa."""
    factor = constant(np.ldexp(rate.astype(np.float64), -30 - shift), t)
    return t[..., 0:1] * 2.0 ** (t[..., 1:2] * -1.0) * factor


def as_relative(share: Value, t: Value, integer: Any) -> tuple[Value, Value]:
    """A real share as the real mantissa that belongs to the exponent of the integers."""
    whole = t.detach().long() if hasattr(t, "detach") else t.astype(np.int64)
    _, e = integer(whole)
    return share * 2.0 ** (e + 15.0), e + 0.0 * share


def relative_range(size: int) -> tuple[Interval, Interval]:
    """The bounds of a share's mantissas and exponents."""
    zero = np.zeros(size, np.int64)
    return Interval.of(zero, zero + INT16_MAX), Interval.of(zero, zero + MOST_EXPONENT)


def rate_tables(rate: Integers, shift: Integers) -> list[Table]:
    """The constant arrays of the ops that multiply elapsed time by rates."""
    return [
        trained("r", "int16_t", rate, "mantissas of the rates"),
        trained("k", "int8_t", shift, "exponents of the rates"),
    ]


OP = TimeShare
