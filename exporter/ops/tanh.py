"""tanh by 64 parabolas from a table of 512 bytes that covers both signs, without a branch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    Integers,
    Interval,
    Value,
    constant,
    saturate,
)
from elegans.exporter.ops import PLAIN, Table

# int16 ends at an argument of 5, where tanh is within 3 units of Q0.15 of 1: 2^15 stands for 5.
# As Q3.12 2^15 is 8, so z is 8/5 of the argument; the factor is part of the map that makes z.
GAIN = 1.6

# The table has 64 segments of 2^16 / 64 = 1024 arguments each; segment i is centred on 1024 i.
# With half a segment added, z >> 10 is the segment whose centre is nearest to z.
HALF_SEGMENT = 512


@dataclass(frozen=True)
class Tanh:
    """tanh(a) of a real argument a: odd, monotone, within 2 units of the exact value rounded.

    z       [..., n] 8/5 a in Q3.12
    result  [..., n] Q0.15, -32766..32766
    """

    kernel: ClassVar[str] = "tanh"
    in_place: ClassVar[bool] = True
    elementwise: ClassVar[tuple[str, ...]] = (PLAIN,)

    def integer(self, z: Value) -> Value:
        return of_int16(_tanh, z)

    def real(self, z: Value) -> Value:
        return 32768.0 * smooth_tanh(z * (1 / 4096 / GAIN))

    def range(self, z: Interval) -> Interval:
        return z.image(self.integer)

    def tables(self) -> list[Table]:
        return []

    def scalars(self) -> list[int]:
        return []


def of_int16(function: Callable[[Value], Value], z: Value) -> Value:
    """A function of int16, which is constant beyond its ends: arrays are looked up among its 65,536
    results, because large networks take it of millions of arguments."""
    if not isinstance(z, np.ndarray):
        return function(z)
    at = np.subtract(z, INT16_MIN, dtype=np.int64)
    if at.flags.f_contiguous:  # as a product with a sparse matrix is; `take` would copy it
        return np.take(_results(function), at.T, mode="clip").T
    return np.take(_results(function), at, mode="clip")


@cache
def _results(function: Callable[[Value], Value]) -> Integers:
    results: Integers = function(np.arange(INT16_MIN, INT16_MAX + 1))
    results.setflags(write=False)
    return results


def _tanh(z: Value) -> Value:
    return fine_tanh(z) >> 16


def fine_tanh(z: Value) -> Value:
    """tanh in Q0.31, plus 2^15, half a unit of Q0.15: `>> 16` then rounds it to Q0.15.

    Segment i holds the z that are nearest to 1024 i, and z = 1024 i + j with j in -512..511.
    With J = 64 j the result is c0 + ((c1 2^16 + c2 + c2 J) J >> 16), which is two instructions
    on a core that multiplies 32 by 16 bits. No intermediate value leaves int32:
    tests/exporter/ops/test_tanh.py tries all 65,536 arguments.
    """
    c0, c1, c2 = (constant(column, z) for column in pieces().T)
    u = saturate(z + HALF_SEGMENT)
    i, j = (u >> 10) + 32, (u & 1023) - HALF_SEGMENT
    bend = c2[i] * j
    return c0[i] + c1[i] * j * 64 + ((bend * j + (bend >> 6)) >> 4)


@cache
def pieces() -> Integers:
    """[64, 3]: c0, c1 and c2 of segments -32..31. Negative segments mirror the positive ones."""
    table = np.zeros((64, 3), dtype=np.int64)
    for i, (c0, c1, c2) in enumerate(_HALF):
        table[32 + i] = _ROUNDING + c0, c1, c2
        table[32 - i] = _ROUNDING - c0, c1, -c2
    # Segment -32 is z < -32256, the mirror image of z > 32256, where u saturates at the end of
    # segment 31: tanh stays at its last value.
    table[0] = _ROUNDING - (_LARGEST << 16), 0, 0
    table.setflags(write=False)
    return table


_ROUNDING = 1 << 15  # half a unit of Q0.15, in Q0.31
_LARGEST = 32766  # the value of segment 31 at its end, in Q0.15
# c0, c1, c2 of segments 0..31, found by `python -m benchmarks.tanh_table`.
# fmt: off
_HALF = (
    (0, 5111, 0), (332830317, 4988, -119), (650067963, 4644, -219),
    (938842692, 4138, -280), (1190986440, 3545, -304), (1403207676, 2935, -297),
    (1576403193, 2364, -270), (1714209597, 1861, -231), (1821673673, 1439, -190),
    (1904164788, 1097, -152), (1966717269, 828, -118), (2013724179, 620, -91),
    (2048799790, 461, -69), (2074836894, 342, -52), (2094088101, 252, -39),
    (2108292993, 186, -30), (2118746029, 137, -22), (2126413744, 100, -16),
    (2132049842, 74, -12), (2136178092, 54, -8), (2139206077, 40, -6),
    (2141421782, 29, -4), (2143045359, 21, -3), (2144232471, 16, -2),
    (2145113247, 11, -2), (2145741576, 8, -1), (2146213368, 6, -1),
    (2146558616, 5, -1), (2146810360, 3, -1), (2146979704, 3, 0),
    (2147123264, 2, 0), (2147210586, 2, 3),
)
# fmt: on


def smooth_tanh(z: Value) -> Value:
    """tanh of a NumPy array or a torch tensor."""
    return z.tanh() if hasattr(z, "tanh") else np.tanh(z)


OP = Tanh
