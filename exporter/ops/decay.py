"""e = 2^-(a dt): how a state decays over an elapsed time, exp(-rate dt) with a = rate log2(e)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    Integers,
    Interval,
    RangeError,
    Value,
    constant,
    round_half_up,
    rshr,
)
from elegans.exporter.ops import Table

_GONE = 16  # halvings after which nothing of Q0.15 is left


@dataclass(frozen=True)
class Decay:
    """e in Q0.15, in [0, 32767]; never rises with a or dt. Within 2 units of the truth.

    a      [n] at least 0, a rate in halvings a unit of time
    dt     [1] at least 0, one elapsed time for all
    shift  from the product's scale to 2^-15 halvings
    """

    shift: int

    kernel: ClassVar[str] = "decay"
    in_place: ClassVar[bool] = True

    def integer(self, a: Value, dt: Value) -> Value:
        x = rshr(a * dt, self.shift)
        table = constant(halving_table(), a)
        segment = (x & 32767) >> 8
        left = table[segment]
        slope = table[segment + 1] - left
        fraction = left + rshr(slope * (x & 255), 8)
        whole = constant(_powers(), a)[(x >> 15).clip(0, _GONE)]
        return rshr(fraction * whole, 15).clip(0, INT16_MAX)

    def real(self, a: Value, dt: Value) -> Value:
        return 32768.0 * 2.0 ** (a * dt * -(2.0 ** -(self.shift + 15)))

    def range(self, a: Interval, dt: Interval) -> Interval:
        if a.lo.min() < 0 or dt.lo.min() < 0:
            raise RangeError("a rate or an elapsed time is negative")
        self.integer(a, dt)
        return Interval.of(self.integer(a.hi, dt.hi), self.integer(a.lo, dt.lo))

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.shift]


@cache
def halving_table() -> Integers:
    """2^-(k / 128) in Q0.15; one, which int16 lacks, is 32768 here."""
    return round_half_up(32768 * np.exp2(-np.arange(129) / 128))


@cache
def _powers() -> Integers:
    """2^-k in Q0.15 for k whole halvings, then nothing."""
    return np.array([1 << (15 - k) for k in range(_GONE)] + [0], dtype=np.int64)


OP = Decay
