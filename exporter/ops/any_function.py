"""y = f(z) for any function of one argument, from a table of pieces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from elegans.exporter.errors import ElegansError
from elegans.exporter.numbers.expressions import function_named
from elegans.exporter.numbers.fixed import Integers, Interval, Value, constant
from elegans.exporter.numbers.function_tables import FINE, Pieces
from elegans.exporter.ops import Table, frozen_integers

_FIELDS = ("start", "left", "value", "slope", "bend")
_SIGN = 17  # a shift by which a difference of two distances leaves nothing but its sign
_INDEX_BITS = 8  # of the parts of an argument's range, of each of which C knows the first piece
_LEFT_BITS = 5  # of a shift, 0..16, which shares a word with the beginning of its piece


@dataclass(frozen=True, eq=False)
class AnyFunction:
    """A function of `numbers.real_functions`, or an expression, within a unit of the exact result.

    z              [..., n] `z_frac` fractional bits; held in lo..hi
    y              [..., n] `y_frac` fractional bits
    function       the function's name, or the expression's text (`numbers.expressions`)
    parameter      its constant
    z_frac, y_frac the formats of z and y
    lo, hi         the least and the greatest argument that the table has
    start, left, value, slope, bend   [2^k] the pieces (`numbers.function_tables`)

    The piece is found by comparisons, the same number for each argument: k of them here, and in C
    those that a table of where to begin leaves. Every argument was tried when the table was made:
    no sum leaves int32, no result int16.
    """

    function: str
    parameter: float
    z_frac: int
    y_frac: int
    lo: int
    hi: int
    start: Integers
    left: Integers
    value: Integers
    slope: Integers
    bend: Integers

    kernel: ClassVar[str] = "any_function"
    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        try:
            function_named(self.function)  # it is printed in the C, as a comment
        except ElegansError as error:
            raise ValueError(str(error)) from None
        for name in _FIELDS:
            object.__setattr__(self, name, frozen_integers(getattr(self, name), 1))

    @staticmethod
    def of(
        function: str,
        parameter: float,
        fracs: tuple[int, int],
        ends: tuple[int, int],
        pieces: Pieces,
    ) -> AnyFunction:
        """The op from z to y of these fractional bits, for arguments between these ends."""
        parts = (getattr(pieces, name) for name in _FIELDS)
        return AnyFunction(function, parameter, *fracs, *ends, *parts)

    @property
    def _steps(self) -> int:
        return len(self.start).bit_length() - 1

    def integer(self, z: Value) -> Value:
        at = z.clip(self.lo, self.hi) - self.lo
        start, left, value, slope, bend = (
            constant(part, z)
            for part in (self.start, 1 << self.left, self.value, self.slope, self.bend)
        )
        i = at * 0
        for k in range(self._steps - 1, -1, -1):
            i = i + (((at - start[i + (1 << k)]) >> _SIGN) + 1) * (1 << k)
        j = (at - start[i]) * left[i] - (1 << 15)
        return (value[i] + (((slope[i] + ((bend[i] * j) >> 16)) * j) >> 16)) >> FINE

    def real(self, z: Value) -> Value:
        held = z.clip(float(self.lo), float(self.hi)) * 2.0**-self.z_frac
        return function_named(self.function).function(held, self.parameter) * 2.0**self.y_frac

    def range(self, z: Interval) -> Interval:
        """The exact image: every argument is tried."""
        image = self.integer(np.arange(self.lo, self.hi + 1))
        lo, hi = (np.clip(end, self.lo, self.hi) - self.lo for end in (z.lo, z.hi))
        ends = [
            (image[a : b + 1].min(), image[a : b + 1].max()) for a, b in zip(lo, hi, strict=True)
        ]
        return Interval.of([end[0] for end in ends], [end[1] for end in ends])

    @cached_property
    def search(self) -> tuple[int, int, Integers]:
        """(shift, half, first): how C finds the piece of a distance `at`, as `integer` does.

        It is one of the 2 half pieces from first[at >> shift] on. Few comparisons are better than
        a small table, and then a small table than a large one.
        """
        found = []
        last = int(self.hi - self.lo)
        for shift in range(max(last.bit_length() - _INDEX_BITS, 0), 17):
            begins = np.arange((last >> shift) + 1) << shift
            ends = np.minimum(begins + (1 << shift) - 1, last)
            first, end = (np.searchsorted(self.start, at, "right") - 1 for at in (begins, ends))
            most = min(int((end - first).max()) + 1, len(self.start))
            several = 1 << (most - 1).bit_length()
            first = np.minimum(first, len(self.start) - several)
            found.append((several, len(first), shift, first))
        several, _, shift, first = min(found, key=lambda each: each[:2])
        return shift, several >> 1, first

    def tables(self) -> list[Table]:
        _, _, first = self.search
        packed = (self.start << _LEFT_BITS) + self.left
        pieces = np.stack([self.value, self.slope, self.bend, packed], axis=1)
        what = f"{self.function}: {len(self.start)} pieces"
        return [
            Table("at", "uint8_t", first, f"{what}, the first of each part", shared=True),
            Table("c", "int32_t", pieces, "value, slope, bend, and where it begins", shared=True),
        ]

    def scalars(self) -> list[int]:
        shift, half, _ = self.search
        return [self.lo, self.hi, shift, half]


OP = AnyFunction
