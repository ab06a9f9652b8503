"""Fixed point: formats, the one rounding rule, and intervals that prove where values stay.

Everything on the device is a two's-complement integer with a power-of-two scale. An
op's meaning is written once, with plain operators, and runs on any of four kinds of
value: NumPy arrays, torch tensors, the nodes of an ONNX graph, and the `Interval` below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elegans.exporter.numbers.sparse_matrix import SparseMatrix

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

# A NumPy int64 array, a torch int64 tensor, an ONNX graph node, or an Interval.
Value = Any

INT16_MIN, INT16_MAX = -(1 << 15), (1 << 15) - 1
INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1


def rshr(a: Value, n: int | Integers) -> Value:
    """`a / 2^n`, rounded half up: the one rounding rule. `n` is 0..30, alone or one a row."""
    half = (1 << np.asarray(n, dtype=np.int64)) >> 1
    return (a + constant(half, a)) >> constant(np.asarray(n, dtype=np.int64), a)


def rdiv(a: Value, b: Value) -> Value:
    """`a / b`, rounded half up, for b of at least 1: the rule of `rshr` for any divisor."""
    return (a + (b >> 1)) // b


def saturate(a: Value) -> Value:
    """`a` held in int16."""
    return a.clip(INT16_MIN, INT16_MAX)


def constant(value: Integers, like: Value) -> Value:
    """`value` as a constant in the arithmetic of `like`."""
    make = getattr(like, "new_tensor", None)
    return value if make is None else make(value)


def product(x: Value, weights: Integers | Reals | SparseMatrix) -> Value:
    """Row vectors `[..., cols]` times a constant matrix `[rows, cols]`: each row's sum.

    NumPy multiplies integers in float64, as BLAS and scipy do. That is exact: a sum of 2^22
    products of int16, in whatever order, stays below 2^53.
    """
    times = getattr(x, "times", None)
    if times is not None:
        return times(weights)
    if not isinstance(x, np.ndarray):
        return x @ constant(np.asarray(weights).T, x)
    if isinstance(weights, SparseMatrix):
        columns = np.ascontiguousarray(x.reshape(-1, x.shape[-1]).T)
        result = (weights @ columns).T.reshape(*x.shape[:-1], weights.shape[0])
    else:
        result = x.astype(np.float64) @ weights.T.astype(np.float64)
    whole = x.dtype.kind == "i" and weights.dtype.kind == "i"
    return result.astype(np.int64) if whole else result


def round_half_up(value: ArrayLike) -> Integers:
    """Real numbers to integers by the tie rule of `rshr` (NumPy and torch tie to even)."""
    return np.floor(np.asarray(value, dtype=np.float64) + 0.5).astype(np.int64)


def quantise(value: ArrayLike, frac: int | Integers) -> Integers:
    """Real numbers to integers of scale 2^-frac, rounded half up, not saturated."""
    return round_half_up(np.ldexp(np.asarray(value, dtype=np.float64), frac))


def dequantise(integer: ArrayLike, frac: int | Integers) -> Reals:
    """Integers of scale 2^-frac to the real numbers they stand for, exactly."""
    return np.asarray(np.ldexp(np.asarray(integer, dtype=np.float64), -np.asarray(frac)))


# No scale is finer than 2^-100 or coarser than 2^85: real numbers end at 1e30.
_FINEST, _COARSEST = 100, -85


def widest_frac(lo: float, hi: float) -> int:
    """The finest int16 scale 2^-frac for a real range.

    A range that ends at a power of two, as [-1, 1] does, saturates there by one unit in the
    last place instead of giving up half of its resolution.
    """
    mantissa, exponent = math.frexp(max(abs(lo), abs(hi)))
    return min(max(15 - exponent + (mantissa in (0.0, 0.5)), _COARSEST), _FINEST)


def q_name(frac: int, bits: int = 16) -> str:
    """`Q3.12` for 16 bits with 12 fractional ones: integer bits without the sign first."""
    return f"Q{bits - 1 - frac}.{frac}"


class RangeError(Exception):
    """An intermediate value can leave int32. Carries the fact; the walk adds the place."""


@dataclass(frozen=True)
class Interval:
    """For each element the least and the greatest integer that it can be.

    Every operator returns bounds that hold for all members, and raises `RangeError` if the
    result could leave int32. C computes the same expressions in int32_t, so a walk that
    ends without an error has proved every intermediate value free of overflow.
    """

    lo: Integers
    hi: Integers

    @staticmethod
    def of(lo: ArrayLike, hi: ArrayLike) -> Interval:
        """Bounds as given, checked against int32."""
        low, high = np.asarray(lo, dtype=np.int64), np.asarray(hi, dtype=np.int64)
        if np.any(low > high):
            raise ValueError("an interval's lower bound lies above its upper bound")
        if low.size and (low.min() < INT32_MIN or high.max() > INT32_MAX):
            reach = max(-int(low.min()), int(high.max()))
            raise RangeError(f"an intermediate value reaches {reach}, int32 ends at {INT32_MAX}")
        return Interval(low, high)

    def new_tensor(self, value: Integers) -> Interval:
        """A constant: the interval of one member."""
        return Interval.of(value, value)

    def _lift(self, other: Interval | int) -> Interval:
        return other if isinstance(other, Interval) else self.new_tensor(np.asarray(other))

    def __add__(self, other: Interval | int) -> Interval:
        b = self._lift(other)
        return Interval.of(self.lo + b.lo, self.hi + b.hi)

    def __sub__(self, other: Interval | int) -> Interval:
        b = self._lift(other)
        return Interval.of(self.lo - b.hi, self.hi - b.lo)

    def __mul__(self, other: Interval | int) -> Interval:
        b = self._lift(other)
        corners = [self.lo * b.lo, self.lo * b.hi, self.hi * b.lo, self.hi * b.hi]
        return Interval.of(np.minimum.reduce(corners), np.maximum.reduce(corners))

    def __rsub__(self, other: int) -> Interval:
        return self._lift(other) - self

    __radd__ = __add__
    __rmul__ = __mul__

    def __matmul__(self, weights: Interval) -> Interval:
        """Row vectors times a constant matrix `[cols, rows]`."""
        return self.times(weights.lo.T)

    def times(self, weights: Integers | SparseMatrix) -> Interval:
        """`product`: middle plus or minus radius, and whole numbers again.

        In float64, exact wherever a sum stays below 2^52; what leaves int32 is refused.
        """
        middle = product(0.5 * (self.lo + self.hi), weights)
        magnitudes: Any = abs(weights)
        radius = product(0.5 * (self.hi - self.lo), magnitudes)
        return Interval.of(middle - radius, middle + radius)

    def __rshift__(self, n: Interval | int) -> Interval:
        shift = self._lift(n).lo
        return Interval.of(self.lo >> shift, self.hi >> shift)

    def __floordiv__(self, other: Interval | int) -> Interval:
        """Floor division by a positive divisor: monotone in each, so the corners bound it."""
        b = self._lift(other)
        if b.lo.min() < 1:
            raise RangeError(f"a divisor can be {b.lo.min()}")
        corners = [self.lo // b.lo, self.lo // b.hi, self.hi // b.lo, self.hi // b.hi]
        return Interval.of(np.minimum.reduce(corners), np.maximum.reduce(corners))

    def __and__(self, mask: int) -> Interval:
        return Interval.of(np.zeros_like(self.lo), np.full_like(self.hi, mask))

    def __abs__(self) -> Interval:
        inside = (self.lo <= 0) & (self.hi >= 0)
        low = np.where(inside, 0, np.minimum(np.abs(self.lo), np.abs(self.hi)))
        return Interval.of(low, np.maximum(np.abs(self.lo), np.abs(self.hi)))

    def __getitem__(self, index: Any) -> Interval:
        """Some elements; or, for a constant table indexed by an interval, all it can hold."""
        if not isinstance(index, Interval):
            return Interval.of(self.lo[index], self.hi[index])
        spans = list(zip(index.lo.flat, index.hi.flat, strict=True))
        low = [self.lo[a : b + 1].min() for a, b in spans]
        high = [self.hi[a : b + 1].max() for a, b in spans]
        shape = index.lo.shape
        return Interval.of(np.reshape(low, shape), np.reshape(high, shape))

    def clip(self, lo: Interval | int, hi: Interval | int) -> Interval:
        """Saturation."""
        low, high = self._lift(lo).lo, self._lift(hi).lo
        return Interval.of(np.clip(self.lo, low, high), np.clip(self.hi, low, high))

    def within(self, other: Interval) -> bool:
        """Whether every member of this interval is one of the other's."""
        return bool(np.all(self.lo >= other.lo) and np.all(self.hi <= other.hi))

    def hull(self, other: Interval) -> Interval:
        """The smallest interval that holds both."""
        return Interval.of(np.minimum(self.lo, other.lo), np.maximum(self.hi, other.hi))

    def image(self, monotone: Callable[[Integers], Integers]) -> Interval:
        """The exact image under a function that never falls."""
        return Interval.of(monotone(self.lo), monotone(self.hi))

    def reach(self) -> Integers:
        """The greatest magnitude of any member, one an element."""
        reach: Integers = np.maximum(np.abs(self.lo), np.abs(self.hi))
        return reach


def join_intervals(parts: list[Interval]) -> Interval:
    """Vectors end to end."""
    return Interval.of(
        np.concatenate([part.lo for part in parts]), np.concatenate([part.hi for part in parts])
    )
