"""Fixed-point arithmetic: formats, the rounding rule, and intervals that bound every value.

Every number on the device is a two's-complement integer with a power-of-two scale: with
`frac` fractional bits the real value is integer / 2^frac. An op is written once, with plain
operators, and runs on any of four kinds of value: NumPy arrays, torch tensors, nodes of an
ONNX graph, and the `Interval` below.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elegans.exporter.numbers.sparse_matrix import SparseMatrix, better_dense

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

_HALF_UNITS = (1 << np.arange(31, dtype=np.int64)) >> 1

# A NumPy int64 array, a torch int64 tensor, an `integer_onnx.Node`, or an `Interval`.
Value = Any

INT16_MIN, INT16_MAX = -(1 << 15), (1 << 15) - 1
INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1
LONG_MAX = (1 << 43) - 1
"""The greatest magnitude of a sum of 64 bits: without its lower 12 bits it fits int32."""


def rshr(a: Value, n: int | Integers) -> Value:
    """`a / 2^n`, rounded half up (ties go towards +infinity): the device's only rounding rule.

    n  0..30, one for all elements or one for each
    """
    half = (1 << np.asarray(n, dtype=np.int64)) >> 1
    return (a + constant(half, a)) >> constant(np.asarray(n, dtype=np.int64), a)


def rshr_by(a: Value, n: Value) -> Value:
    """`rshr` by shifts that are values themselves, each 0..30."""
    return (a + constant(_HALF_UNITS, a)[n]) >> n


def rdiv(a: Value, b: Value) -> Value:
    """`a / b`, rounded half up as in `rshr`, for any divisor b >= 1."""
    return (a + (b >> 1)) // b


def saturate(a: Value) -> Value:
    """`a` saturated to int16."""
    return a.clip(INT16_MIN, INT16_MAX)


def halves(a: Value) -> tuple[Value, Value]:
    """A 32-bit integer as its upper half, rounded, and what is left: `a = 2^16 upper + lower`.

    Both are int16 where `a` is at least -2^31 + 2^15. The upper half is `a` in the format with 16
    fractional bits less, rounded half up; it is what maps read of a wide state.
    """
    make = getattr(a, "halves", None)
    if make is not None:
        upper, lower = make()
        return upper, lower
    upper = rshr(a, 16)
    return upper, a - upper * (1 << 16)


def whole(upper: Value, lower: Value) -> Value:
    """The 32-bit integer that `halves` took apart."""
    make = getattr(upper, "whole", None)
    return upper * (1 << 16) + lower if make is None else make(lower)


def constant(value: Integers | Reals, like: Value) -> Value:
    """`value` as a constant of the same kind as `like`: array, tensor, graph node or interval."""
    make = getattr(like, "new_tensor", None)
    return value if make is None else make(value)


def product(x: Value, weights: Integers | Reals | SparseMatrix) -> Value:
    """The matrix-vector product W x.

    x        [..., cols] one or more vectors
    weights  [rows, cols] constant
    returns  [..., rows] integers if both are integers

    NumPy arrays are multiplied in float64, because BLAS and scipy are fast there. The result
    is exact: a product of two int16 is at most 2^30 in magnitude, so up to 2^22 of them, added
    in any order, stay below 2^53.
    """
    times = getattr(x, "times", None)
    if times is not None:
        return times(weights)
    if not isinstance(x, np.ndarray):
        return x @ constant(np.asarray(weights).T, x)
    result = in_float64(x, weights)
    whole = x.dtype.kind == "i" and weights.dtype.kind == "i"
    return result.astype(np.int64) if whole else result


def in_float64(x: NDArray[Any], weights: Integers | Reals | SparseMatrix) -> Reals:
    """`product` of arrays, a new array."""
    if isinstance(weights, SparseMatrix):
        rows = x.reshape(-1, x.shape[-1])
        if better_dense(len(rows), weights.size, len(weights.values)):
            return x.astype(np.float64) @ weights.as_dense
        columns = np.ascontiguousarray(rows.T, np.float64)
        result: Reals = (weights @ columns).T.reshape(*x.shape[:-1], weights.shape[0])
        return result
    dense: Reals = x.astype(np.float64) @ weights.T.astype(np.float64, copy=False)
    return dense


def round_half_up(value: ArrayLike) -> Integers:
    """Real numbers to integers, ties upwards as in `rshr` (NumPy and torch round ties to even)."""
    return np.floor(np.asarray(value, dtype=np.float64) + 0.5).astype(np.int64)


def quantise(value: ArrayLike, frac: int | Integers) -> Integers:
    """Real numbers to integers with `frac` fractional bits, rounded half up, not saturated."""
    return round_half_up(np.ldexp(np.asarray(value, dtype=np.float64), frac))


def dequantise(integer: ArrayLike, frac: int | Integers) -> Reals:
    """The real values of integers with `frac` fractional bits, exactly."""
    return np.asarray(np.asarray(integer, dtype=np.float64) * np.ldexp(1.0, -np.asarray(frac)))


# The greatest magnitude accepted of a weight or a declared range: below 2^100, far inside
# float32 and far beyond any physical quantity.
LARGEST_REAL = 1e30
# A magnitude of up to 2^100 takes int16 integers at the scale 2^(100 - 15) = 2^85, that is -85
# fractional bits. At the other end, 100 bits keep the exponents of tiny ranges bounded.
_FINEST, _COARSEST = 100, -85
FRACS = (_COARSEST, _FINEST)
"""The least and the greatest number of fractional bits."""


def widest_frac(lo: float, hi: float) -> int:
    """The most fractional bits with which int16 holds the real range [lo, hi]; -85..100.

    A range whose magnitude is a power of two, as [-1, 1], gets the bit that it would need for
    that one end, which saturates by one unit in the last place (1.0 becomes 32767 / 32768).
    """
    mantissa, exponent = math.frexp(max(abs(lo), abs(hi)))
    return min(max(15 - exponent + (mantissa in (0.0, 0.5)), _COARSEST), _FINEST)


def q_name(frac: int, bits: int = 16) -> str:
    """The name of a format: `Q3.12` has 3 integer bits, 12 fractional ones and the sign bit."""
    return f"Q{bits - 1 - frac}.{frac}"


class RangeError(Exception):
    """A proof failed: a value could leave int32, or an op's precondition could be broken.

    It says what is wrong; `proof.step_range` adds the step in which it happens.
    """


@dataclass(frozen=True)
class Interval:
    """Bounds of a vector of integers: element i is in lo[i]..hi[i], both included.

    Every operator returns bounds of all possible results, and raises `RangeError` if a result
    could leave int32. C computes the same expressions in int32_t, so if an op runs on
    intervals without an error, none of its intermediate values can overflow.
    """

    lo: Integers
    hi: Integers

    most: ClassVar[int] = INT32_MAX
    """The greatest value of any result; the least is one further from zero."""

    @classmethod
    def of(cls, lo: ArrayLike, hi: ArrayLike) -> Self:
        """These bounds. Raises ValueError if lo > hi, `RangeError` if they leave int32."""
        low, high = np.asarray(lo, dtype=np.int64), np.asarray(hi, dtype=np.int64)
        if np.any(low > high):
            raise ValueError("an interval's lower bound lies above its upper bound")
        if low.size and (low.min() < -cls.most - 1 or high.max() > cls.most):
            reach = max(-int(low.min()), int(high.max()))
            end = "int32 ends" if cls.most == INT32_MAX else "sums end"
            raise RangeError(f"an intermediate value reaches {reach}, {end} at {cls.most}")
        return cls(low, high)

    def new_tensor(self, value: Integers) -> Self:
        """A constant, as an interval of one value (torch's name for it; see `constant`)."""
        return self.of(value, value)

    def _lift(self, other: Interval | int) -> Interval:
        return other if isinstance(other, Interval) else self.new_tensor(np.asarray(other))

    def __add__(self, other: Interval | int) -> Self:
        b = self._lift(other)
        return self.of(self.lo + b.lo, self.hi + b.hi)

    def __sub__(self, other: Interval | int) -> Self:
        b = self._lift(other)
        return self.of(self.lo - b.hi, self.hi - b.lo)

    def __mul__(self, other: Interval | int) -> Self:
        b = self._lift(other)
        corners = [self.lo * b.lo, self.lo * b.hi, self.hi * b.lo, self.hi * b.hi]
        return self.of(np.minimum.reduce(corners), np.maximum.reduce(corners))

    def __rsub__(self, other: int) -> Self:
        return self.new_tensor(np.asarray(other)) - self

    __radd__ = __add__
    __rmul__ = __mul__

    def __matmul__(self, weights: Interval) -> Self:
        """Row vectors `[..., cols]` times a constant matrix `[cols, rows]`."""
        return self.times(weights.lo.T)

    def times(self, weights: Integers | SparseMatrix) -> Self:
        """`product` on intervals: W x lies within W m - |W| r .. W m + |W| r.

        m is the midpoint and r half the width of each input. Both may end in one half, so
        float64 is exact as long as the sums stay below 2^52; a sum beyond that is far outside
        of int32 and raises `RangeError`. The bounds themselves are whole numbers again: each is
        a sum of products of a weight and an end of an input.
        """
        middle = product(0.5 * (self.lo + self.hi), weights)
        magnitudes: Any = abs(weights)
        radius = product(0.5 * (self.hi - self.lo), magnitudes)
        return self.of(middle - radius, middle + radius)

    def __rshift__(self, n: Interval | int) -> Self:
        shift = self._lift(n).lo
        return self.of(self.lo >> shift, self.hi >> shift)

    def __floordiv__(self, other: Interval | int) -> Self:
        """Floor division by a divisor >= 1: monotone in each argument, so its extremes are at
        the corners. Raises `RangeError` if the divisor can be less than 1."""
        b = self._lift(other)
        if b.lo.min() < 1:
            raise RangeError(f"a divisor can be {b.lo.min()}")
        corners = [self.lo // b.lo, self.lo // b.hi, self.hi // b.lo, self.hi // b.hi]
        return self.of(np.minimum.reduce(corners), np.maximum.reduce(corners))

    def __and__(self, mask: int) -> Self:
        return self.of(np.zeros_like(self.lo), np.full_like(self.hi, mask))

    def __abs__(self) -> Self:
        low = np.maximum(np.maximum(self.lo, -self.hi), 0)
        return self.of(low, self.reach())

    def halves(self) -> tuple[Interval, Interval]:
        """The bounds of `fixed.halves`: any int16 may be left below the upper half."""
        upper = Interval((self.lo + (1 << 15)) >> 16, (self.hi + (1 << 15)) >> 16)
        return upper, Interval(np.full_like(self.lo, INT16_MIN), np.full_like(self.hi, INT16_MAX))

    def whole(self, lower: Interval) -> Self:
        """The bounds of `fixed.whole`. Raises `RangeError` beyond int32."""
        return self.of((self.lo << 16) + lower.lo, (self.hi << 16) + lower.hi)

    def __getitem__(self, index: Any) -> Self:
        """Selected elements; or a table lookup, if the index is itself an interval: the least
        and the greatest entry that it can reach."""
        if not isinstance(index, Interval):
            return self.of(self.lo[index], self.hi[index])
        spans = list(zip(index.lo.flat, index.hi.flat, strict=True))
        low = [self.lo[a : b + 1].min() for a, b in spans]
        high = [self.hi[a : b + 1].max() for a, b in spans]
        shape = index.lo.shape
        return self.of(np.reshape(low, shape), np.reshape(high, shape))

    def clip(self, lo: Interval | int, hi: Interval | int) -> Self:
        """Saturation to lo..hi, which are constants."""
        low, high = self._lift(lo).lo, self._lift(hi).lo
        return self.of(np.clip(self.lo, low, high), np.clip(self.hi, low, high))

    def within(self, other: Interval) -> bool:
        """Whether this interval is a subset of the other, element by element."""
        return bool(np.all(self.lo >= other.lo) and np.all(self.hi <= other.hi))

    def hull(self, other: Interval) -> Self:
        """The smallest interval that contains both."""
        return self.of(np.minimum(self.lo, other.lo), np.maximum(self.hi, other.hi))

    def image(self, monotone: Callable[[Integers], Integers]) -> Self:
        """The exact image under a function that is monotonically non-decreasing."""
        return self.of(monotone(self.lo), monotone(self.hi))

    def reach(self) -> Integers:
        """The greatest magnitude of each element, [size]."""
        reach: Integers = np.maximum(np.abs(self.lo), np.abs(self.hi))
        return reach


class LongInterval(Interval):
    """The bounds of sums of 64 bits, and of all that is made of them before it is int16 again."""

    most: ClassVar[int] = LONG_MAX


def within_int16(bounds: Interval) -> bool:
    """Whether saturation to int16 has changed nothing that these are the bounds of."""
    return bool(bounds.lo.min() > INT16_MIN and bounds.hi.max() < INT16_MAX)


def join_intervals(parts: list[Interval]) -> Interval:
    """The concatenation of vectors."""
    return Interval.of(
        np.concatenate([part.lo for part in parts]), np.concatenate([part.hi for part in parts])
    )


def hull_intervals(parts: Sequence[Interval]) -> Interval:
    """The smallest interval that contains all of these, which are of one size."""
    return functools.reduce(Interval.hull, parts)
