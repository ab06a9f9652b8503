"""e = 2^-(a dt): exponential decay over elapsed time, exp(-rate dt) with a = rate log2(e)."""

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

_GONE = 16  # halvings after which nothing is left: 2^-16 is half a unit of Q0.15


@dataclass(frozen=True)
class Decay:
    """e = 2^-(a dt), monotonically falling in a and dt, within 2 units of the exact value.

    a      [..., n] at least 0: a decay rate, in halvings per unit of time
    dt     [..., 1] at least 0: elapsed time
    shift  0..30: brings a * dt to 15 fractional bits (of halvings)
    e      [..., n] Q0.15, 0..32767

    With x = k + s / 128 + r / 2^15 halvings, 2^-x is the line between two entries of
    `halving_table` (s, r), times 2^-k.
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
    """[129]: 2^-(k / 128) in Q0.15. Entry 0 is 32768, so C stores the table as uint16_t."""
    return round_half_up(32768 * np.exp2(-np.arange(129) / 128))


@cache
def _powers() -> Integers:
    """[17]: 2^-k in Q0.15 for k = 0..15 whole halvings, then 0."""
    return np.array([1 << (15 - k) for k in range(_GONE)] + [0], dtype=np.int64)


OP = Decay
