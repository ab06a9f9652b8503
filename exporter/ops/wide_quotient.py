"""y = n / d of vectors in 32 bits, with as many digits of a small divisor as of a large one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    Integers,
    Interval,
    RangeError,
    Value,
    constant,
    halves,
    rdiv,
    rshr,
    rshr_by,
    whole,
)
from elegans.exporter.ops import WIDE, Table, frozen_integers

_MOST_LEFT, _MOST_RIGHT = 15, 20


@dataclass(frozen=True, eq=False)
class WideQuotient:
    """y = (n / d) 2^raised, held where its upper half is lo..hi, as halves.

    n, d    [..., 2 size] halves of 32-bit integers; d below 1 is taken as 1
    raised  [size] 16 + the fractional bits of y's upper half + those of d's - those of n's
    lo, hi  [size] -2^15 < lo <= hi; |lo| and |hi| at most 2^14

    The leading zeros of |n| and of d are counted and shifted out. What is divided then is 31 bits
    by 16, one division; the quotient has 15 bits or more whatever the magnitudes are, and is
    shifted back:

        top = |n| 2^up,  bottom = rshr(d 2^down, 15)         top in 2^30..2^31 - 1, or 0
        q = min(rdiv(top, bottom), 65535)                    2^14..2^16 - 1, or 0
        y = q 2^(raised - 15 + down - up), with the sign of n

    A shift to the left by more than 15 would make y 2^30 at least, so q is 65535 then: y is beyond
    lo and hi.
    """

    raised: Integers
    lo: Integers
    hi: Integers

    kernel: ClassVar[str] = "wide_quotient"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("raised", "lo", "hi"):
            object.__setattr__(self, name, frozen_integers(getattr(self, name), 1))
        if max(np.abs(self.lo).max(initial=0), np.abs(self.hi).max(initial=0)) > 1 << 14:
            raise ValueError("a quotient of 32 bits is held beyond 2^14")

    def integer(self, n: Value, d: Value) -> tuple[Value, Value]:
        size = len(self.lo)
        over, under = (whole(w[..., 0:size], w[..., size : 2 * size]) for w in (n, d))
        top, up = _normalised(abs(over))
        bottom, down = _normalised(under.clip(1, INT32_MAX))
        q = rdiv(top, rshr(bottom, 15)).clip(0, 65535)
        left = down - up + constant(self.raised - 15, n)
        q = q + (left - _MOST_LEFT).clip(0, 1) * (q * -1 + 65535)
        powers = constant(1 << np.arange(_MOST_LEFT + 1), n)
        y = rshr_by(q * powers[left.clip(0, _MOST_LEFT)], (left * -1).clip(0, _MOST_RIGHT))
        lo, hi = (constant(end * (1 << 16), n) for end in (self.lo, self.hi))
        return halves((y * over.clip(-1, 1)).clip(lo, hi))

    def real(self, n: Value, d: Value) -> tuple[Value, Value]:
        size = len(self.lo)
        over, under = (w[..., 0:size] + w[..., size : 2 * size] * 2.0**-16 for w in (n, d))
        y = over / under * constant(np.ldexp(1.0, self.raised - 16), n)
        lo, hi = (constant(np.asarray(end, np.float64), n) for end in (self.lo, self.hi))
        return y.clip(lo, hi), 0.0 * over

    def range(self, n: Interval, d: Interval) -> tuple[Interval, Interval]:
        size = len(self.lo)
        if min(n.lo[:size].min(), d.lo[:size].min()) <= INT16_MIN:
            raise RangeError("a 32-bit operand can reach the least int16")
        return (
            Interval.of(self.lo, self.hi),
            Interval.of(0 * self.lo + INT16_MIN, 0 * self.lo + INT16_MAX),
        )

    def tables(self) -> list[Table]:
        return [
            Table("raised", "int16_t", self.raised, "bits by which each quotient is raised"),
            Table("lo", "int16_t", self.lo, "least upper half of each quotient"),
            Table("hi", "int16_t", self.hi, "greatest upper half of each quotient"),
        ]

    def scalars(self) -> list[int]:
        return []


def _normalised(a: Value) -> tuple[Value, Value]:
    """a in 0..2^31 - 1 without its leading zeros, and their number; 31 for 0."""
    zeros = a * 0
    for step in (16, 8, 4, 2, 1):
        empty = (a >> (31 - step)).clip(0, 1) * -1 + 1
        a = a + a * empty * ((1 << step) - 1)
        zeros = zeros + empty * step
    return a, zeros


OP = WideQuotient
