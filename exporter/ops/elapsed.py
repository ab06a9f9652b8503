"""t = m 2^-e: elapsed time as mantissa and exponent, so that a short one has as many digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import INT16_MAX, Interval, Value
from elegans.exporter.ops import RELATIVE, Table

_HIGHEST = 30  # the place of the highest bit of a positive int32


@dataclass(frozen=True)
class Elapsed:
    """Elapsed time, held in lo..hi, its leading zeros counted and shifted out.

    dt      [..., 1] int32
    lo, hi  0..2^31 - 1, the declared range
    m, e    [..., 1] each, dt = m 2^(16 - e) rounded down: m in 2^14..2^15 - 1 and e in 0..30;
            m = 0 and e = 31 for dt = 0
    """

    lo: int
    hi: int

    kernel: ClassVar[str] = "elapsed"
    form: ClassVar[str] = RELATIVE
    in_place: ClassVar[bool] = False

    def integer(self, dt: Value) -> tuple[Value, Value]:
        held = dt.clip(self.lo, self.hi)
        zeros = held * 0
        for step in (16, 8, 4, 2, 1):
            empty = (held >> (_HIGHEST + 1 - step)).clip(0, 1) * -1 + 1
            held = held + held * empty * ((1 << step) - 1)
            zeros = zeros + empty * step
        return held >> 16, zeros

    def real(self, dt: Value) -> tuple[Value, Value]:
        """The mantissa follows dt; the exponent is a constant where training differentiates."""
        whole = dt.detach().long() if hasattr(dt, "detach") else dt.astype(int)
        _, e = self.integer(whole)
        return dt * 2.0 ** (e - 16), e + 0.0 * dt

    def range(self, dt: Interval) -> tuple[Interval, Interval]:
        _, (most, least) = self.integer(np.array([self.lo, self.hi]))
        return Interval.of([0], [INT16_MAX]), Interval.of([least], [most])

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return [self.lo, self.hi]


OP = Elapsed
