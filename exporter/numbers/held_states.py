"""States that are held between two ends, after a sum that must fit int32: what comes in, ranges."""

from __future__ import annotations

from typing import Any

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    Integers,
    Interval,
    RangeError,
    Value,
    rshr,
    whole,
)


def held_range(reach: Integers, lo: Integers, hi: Integers) -> tuple[Interval, Interval]:
    """The bounds of the halves of a state that is held where its upper half is lo..hi.

    reach  [size] of the sum before it is held

    Raises `RangeError` for a sum that leaves int32, and for an upper half of -2^15.
    """
    if reach.max(initial=0) > INT32_MAX:
        raise RangeError(f"a state and its change reach {reach.max()}, int32 ends before")
    if lo.min(initial=0) <= INT16_MIN:
        raise RangeError("a 32-bit state can reach the least int16")
    return Interval.of(lo, hi), Interval.of(lo * 0 + INT16_MIN, lo * 0 + INT16_MAX)


class Incoming:
    """What an op adds to states: c [..., size] of 16 bits, times 2^left in units of the sum."""

    left: int
    lo: Integers

    def incoming(self, c: Value) -> Value:
        """c in units of the sum."""
        return c * (1 << self.left)

    def incoming_real(self, c: Value) -> Value:
        """The same in real numbers."""
        return c * 2.0**self.left

    def incoming_ends(self, c: Interval) -> tuple[Integers, Integers]:
        """The least and the greatest of it."""
        return c.lo * (1 << self.left), c.hi * (1 << self.left)

    def incoming_reach(self, c: Interval) -> Integers:
        """The greatest magnitude of it."""
        ends: Any = np.abs(self.incoming_ends(c))
        reach: Integers = np.maximum(*ends)
        return reach


class WideIncoming(Incoming):
    """The same with c [..., 2 size] as halves of 32-bit integers: `left` may be below 0, what is
    then shifted out is rounded, and beyond `most` units of the sum c saturates."""

    most: int

    def incoming(self, c: Value) -> Value:
        n, up, right = len(self.lo), max(self.left, 0), max(-self.left, 0)
        moved = whole(c[..., 0:n], c[..., n : 2 * n])
        most = self.most >> up
        moved = rshr(moved >> (right - 1), 1) if right else moved
        return moved.clip(-most, most) * (1 << up)

    def incoming_real(self, c: Value) -> Value:
        n = len(self.lo)
        moved = (c[..., 0:n] * 2.0**16 + c[..., n : 2 * n]) * 2.0**self.left
        return moved.clip(-float(self.most), float(self.most))

    def incoming_ends(self, c: Interval) -> tuple[Integers, Integers]:
        n, most = len(self.lo), self.most
        lo, hi = ((c.lo[:n] << 16) - (1 << 15), (c.hi[:n] << 16) + (1 << 15))
        up, right = max(self.left, 0), max(-self.left, 0)
        least, greatest = ((lo >> right) - 1) << up, ((hi >> right) + 1) << up
        return np.clip(least, -most, most), np.clip(greatest, -most, most)
