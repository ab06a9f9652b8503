"""The range of a state that is held between two ends, after a sum that must fit int32."""

from __future__ import annotations

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    Integers,
    Interval,
    RangeError,
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
