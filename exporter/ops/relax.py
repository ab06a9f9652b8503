"""h' = h + s (g - h): a leaky integrator goes a share s of its way to g, its state in 32 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, RangeError, Value, halves, rshr_by, whole
from elegans.exporter.ops import PLAIN, RELATIVE, WIDE, Table
from elegans.exporter.ops.time_share import MOST_EXPONENT


@dataclass(frozen=True)
class Relax:
    """h' = h + 2 rshr(m (g - upper half of h), e), as halves.

    h     [..., 2 size] halves of 32-bit states
    g     [..., size] in the format of the upper half
    s     [..., 2 size] shares m 2^-(15 + e): m in 0..32767 and e in 0..17

    The product of 16 by 16 bits is added to the 32-bit state, so nothing of a small share is
    lost. The upper half stays between its old value u and g: with d = g - u, the change is at
    most |d| (2^16 - 2) + 1 < 2^16 |d| in magnitude and has the sign of d, and the lower half is an
    int16 before it; so the rounded upper half can reach g, but not pass it.
    """

    size: int

    kernel: ClassVar[str] = "relax"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = True
    elementwise: ClassVar[tuple[str, ...]] = (WIDE, PLAIN, RELATIVE)

    def integer(self, h: Value, g: Value, s: Value) -> tuple[Value, Value]:
        n = self.size
        upper, lower = h[..., 0:n], h[..., n : 2 * n]
        m, e = s[..., 0:n], s[..., n : 2 * n]
        return halves(whole(upper, lower) + rshr_by(m * (g - upper), e) * 2)

    def real(self, h: Value, g: Value, s: Value) -> tuple[Value, Value]:
        n = self.size
        h = h[..., 0:n] + h[..., n : 2 * n] * 2.0**-16
        share = s[..., 0:n] * 2.0 ** (-15.0 - s[..., n : 2 * n])
        return h + share * (g - h), 0.0 * h

    def range(self, h: Interval, g: Interval, s: Interval) -> tuple[Interval, Interval]:
        n = self.size
        return carried_range(h[..., 0:n], g, s[..., 0:n], s[..., n : 2 * n])

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


def carried_range(
    upper: Interval, g: Interval, m: Interval, e: Interval
) -> tuple[Interval, Interval]:
    """The bounds of halves between the old ones and g. Raises `RangeError` where they may not be.

    -2^15 is not allowed: with a lower half below zero it would leave int32.
    """
    if m.lo.min() < 0 or m.hi.max() > (1 << 15) - 1:
        raise RangeError("a share leaves [0, 1]")
    if e.lo.min() < 0 or e.hi.max() > MOST_EXPONENT:
        raise RangeError("a share's exponent leaves its format")
    found = upper.hull(g)
    if found.lo.min() <= -(1 << 15):
        raise RangeError("a 32-bit state can reach the least int16")
    return found, Interval.of(found.lo * 0 - (1 << 15), found.lo * 0 + (1 << 15) - 1)


OP = Relax
