"""Real weights to integers: for each row the finest scale at which it provably cannot overflow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from elegans.exporter.ir.affine import Matrix
from elegans.exporter.numbers.fixed import INT32_MAX, Integers, Reals, quantise
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.linear8 import Linear8
from elegans.exporter.ops.sliding_linear import SlidingLinear
from elegans.exporter.ops.sliding_linear8 import SlidingLinear8
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.exporter.ops.sparse_linear8 import SparseLinear8
from elegans.exporter.ops.tanh import HALF_SEGMENT
from elegans.exporter.ops.timed_linear import RATE_SHIFT, TimedLinear
from elegans.exporter.ops.timed_linear8 import TimedLinear8

_LARGEST_SHIFT = 30
_LAYOUTS: dict[int, tuple[type[Linear], ...]] = {
    16: (Linear, SparseLinear, SlidingLinear),
    8: (Linear8, SparseLinear8, SlidingLinear8),
}
# A map whose rows share one shift is faster on every core. It may cost a row so many bits, which
# leave it no less exact than the row that asked for them: all feed the same table.
_SHARED_SHIFT_BITS = 5
_TIMED = {16: TimedLinear, 8: TimedLinear8}
_SMALL = 4096


def linear(
    weights: Matrix,
    bias: Reals,
    in_frac: Integers,
    in_reach: Integers,
    out_frac: Integers,
    bits: int = 16,
    tabled: bool = False,
) -> Linear | None:
    """`weights @ x + bias` as integers; None if a row's weights are too large for any scale.

    weights  [rows, cols], scipy's, bias [rows]
    in_frac  [cols] the inputs' fractional bits
    in_reach [cols] the greatest magnitude of each input integer
    out_frac [rows] the fractional bits of the result
    bits     of a weight, 16 or 8
    tabled   whether the result goes into a table: all rows then get one shift, if that costs
             none of them more than 5 bits, and room for half a segment of the table

    Exact zeros stay zeros; the map gets the layout that takes the least flash: dense, one
    of synapses, or one of filters that slide.
    """
    weights = sparse.csr_array(weights)
    weights.sum_duplicates()
    entries = _Entries(weights, bias, in_frac, in_reach, out_frac, bits, tabled)
    kept = entries.quantised(_LARGEST_SHIFT)
    if kept is not None and tabled and bits == 16:
        shifts = kept[2]
        if 0 < np.ptp(shifts) <= _SHARED_SHIFT_BITS:
            kept = entries.quantised(int(shifts.min()))
    if kept is None:
        return None
    dense, *others = _LAYOUTS[bits]
    found, *_ = kept
    # A large map of few synapses is never the smallest as a dense one, and is not made.
    possible = found.size <= max(_SMALL, 4 * (len(found.values) + len(found.counts)))
    ops = [layout(*kept) for layout in ([dense, *others] if possible else others)]
    sizes = {size: op for op in reversed(ops) if (size := _flash(op)) is not None}
    return sizes[min(sizes)]


@dataclass(frozen=True, eq=False)
class _Entries:
    """`linear`'s arguments; the matrix is gone through entry by entry, all rows at once."""

    weights: Matrix
    bias: Reals
    in_frac: Integers
    in_reach: Integers
    out_frac: Integers
    bits: int
    tabled: bool

    def quantised(self, finest: int) -> tuple[SparseMatrix, Integers, Integers] | None:
        """(weights, bias, shift); None if a row has no scale.

        Each row is tried from the finest scale down. With the accumulator at scale 2^-s, the
        weight of column c is at 2^-(s - in_frac[c]).
        """
        at = self.weights.tocoo()
        count, rows, columns, values = len(self.bias), at.row, at.col, at.data
        if not (np.all(np.isfinite(values)) and np.all(np.isfinite(self.bias))):
            return None
        integers = np.zeros(len(values), np.int64)
        biases, shifts = np.zeros(count, np.int64), np.zeros(count, np.int64)
        pending = np.ones(count, np.bool_)
        left = np.arange(len(values))  # entries of rows that have no scale yet
        for shift in range(finest, -1, -1):
            scale = self.out_frac + shift
            row, frac = rows[left], self.in_frac[columns[left]]
            reals = values[left]
            small = np.abs(reals) < np.ldexp(1.0, self.bits - scale[row] + frac)
            good = pending & (np.abs(self.bias) < np.ldexp(1.0, 31 - scale))
            good[row[~small]] = False
            w = quantise(np.where(small, reals, 0.0), scale[row] - frac)
            b = quantise(np.where(good, self.bias, 0.0), scale)
            good[row[np.abs(w) >= 1 << (self.bits - 1)]] = False
            room = (HALF_SEGMENT << shift) * self.tabled + ((1 << shift) >> 1)
            # Below 2^53, so exact: 2^23 products of int16.
            reach = np.bincount(row, np.abs(w) * self.in_reach[columns[left]], count)
            good &= reach + np.abs(b) + room <= INT32_MAX
            done = good[row]
            integers[left[done]] = w[done]
            biases[good], shifts[good] = b[good], shift
            pending &= ~good
            left = left[~done]
            if not pending.any():
                found = SparseMatrix.from_entries(self.weights.shape, rows, columns, integers)
                return found, biases, shifts
        return None


def timed(
    maps: tuple[Reals, Reals, Reals, Reals],
    in_frac: Integers,
    in_reach: Integers,
    dt: tuple[int, int],
    out_frac: int,
    bits: int = 16,
) -> TimedLinear | None:
    """`W x + b + dt (R x + r)` as integers; None if no scale holds it.

    maps  W [rows, cols], b [rows], R [rows, cols], r [rows]
    dt    the fractional bits and the greatest magnitude of elapsed time

    Each row at the finest scale at which no accumulator can leave int32, or, with 16 bits,
    all at the coarsest of these if that costs none of them more than 5 bits.
    """

    def at(finest: int) -> list[TimedLinear] | None:
        rows = []
        for w, b, r, c in zip(*maps, strict=True):
            row = _timed_row((w, b, r, c), in_frac, in_reach, dt, out_frac, bits, finest)
            if row is None:
                return None
            rows.append(row)
        return rows

    rows = at(_LARGEST_SHIFT)
    shifts = [int(row.shift[0]) for row in rows or ()]
    if rows and bits == 16 and 0 < max(shifts) - min(shifts) <= _SHARED_SHIFT_BITS:
        rows = at(min(shifts))
    if rows is None:
        return None

    def joined(name: str) -> Integers:
        return np.concatenate([getattr(row, name) for row in rows])

    fields = [joined(name) for name in ("weights", "bias", "rates", "rate_bias", "shift")]
    return _TIMED[bits](*fields)


def _timed_row(
    row: tuple[Reals, float, Reals, float],
    in_frac: Integers,
    in_reach: Integers,
    dt: tuple[int, int],
    out_frac: int,
    bits: int,
    finest: int,
) -> TimedLinear | None:
    """One row, tried from the finest scale down."""
    dt_frac, dt_reach = dt
    for shift in range(finest, -1, -1):
        scale = out_frac + shift
        ints: list[Integers] = []
        for w, b, at in ((*row[:2], scale), (*row[2:], scale - dt_frac + RATE_SHIFT)):
            if np.all(np.abs(w) < 2.0 ** (bits - at + in_frac)) and abs(b) < 2.0 ** (31 - at):
                ints += [quantise(w, at - in_frac)[None], quantise([b], at)]
        largest = max((int(np.abs(w).max()) for w in ints[::2]), default=0)
        if len(ints) < len(row) or largest >= 1 << (bits - 1):
            continue
        op = TimedLinear(ints[0], ints[1], ints[2], ints[3], np.array([shift]))
        if op.reach(in_reach, dt_reach)[0] + (HALF_SEGMENT << shift) <= INT32_MAX:
            return op
    return None


def _flash(op: Linear) -> int | None:
    """The bytes of all tables; None where one would be empty, which C does not have."""
    tables = op.tables()
    if not all(table.values.size for table in tables):
        return None
    return sum(table.bytes for table in tables)
