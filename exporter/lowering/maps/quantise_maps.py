"""Real weights to integers: for each row the finest scale at which it provably cannot overflow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from elegans.exporter.ir.affine import Matrix
from elegans.exporter.lowering.maps.joint_rounding import Together, wide_rows
from elegans.exporter.lowering.maps.quantise_int8 import linear8
from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT32_MAX,
    LONG_MAX,
    Integers,
    Reals,
    quantise,
)
from elegans.exporter.numbers.long_sums import GATE_FRAC, too_coarse
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.linear8 import Linear8
from elegans.exporter.ops.long_linear import SHIFTS, LongLinear
from elegans.exporter.ops.long_sliding_linear import LongSlidingLinear
from elegans.exporter.ops.long_sparse_linear import LongSparseLinear
from elegans.exporter.ops.sliding_linear import SlidingLinear, never_smaller
from elegans.exporter.ops.sliding_linear8 import SlidingLinear8
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.exporter.ops.sparse_linear8 import SparseLinear8
from elegans.exporter.ops.tanh import HALF_SEGMENT

EVERY_SHIFT = range(31)  # that `rshr` takes
_LAYOUTS: dict[int, tuple[type[Linear], ...]] = {
    16: (Linear, SparseLinear, SlidingLinear),
    8: (Linear8, SparseLinear8, SlidingLinear8),
}
_LONG: tuple[type[Linear], ...] = (LongLinear, LongSparseLinear, LongSlidingLinear)
# A map whose rows share one shift is faster on every core. It may cost a row this many bits: all
# rows feed the same table, so none becomes less exact than the row with the smallest shift.
SHARED_SHIFT_BITS = 5
_DENSE = 3  # int8 maps of which a table looks the result up are dense down to one weight in 3
_SMALL = 4096  # entries of a map for which every layout is tried

Quantised = tuple[SparseMatrix, Integers, Integers]


@dataclass(frozen=True, eq=False)
class RealMap:
    """`weights @ x + bias` in real numbers, and what is known of its integers.

    weights   [rows, cols], scipy's
    bias      [rows]
    in_frac   [cols] the fractional bits of x
    in_reach  [cols] the greatest magnitude of each integer of x
    out_frac  [rows] the fractional bits that the result shall have
    ends      the columns at which the windows end that x consists of
    together  rounds weights at an integer's scale, [n, cols], together; None where it cannot
    """

    weights: Matrix
    bias: Reals
    in_frac: Integers
    in_reach: Integers
    out_frac: Integers
    ends: tuple[int, ...]
    together: Together | None = None

    def quantised(
        self,
        shifts: range,
        bits: int,
        tabled: bool,
        most: int = INT32_MAX,
        own: Integers | None = None,
    ) -> Quantised | None:
        """(weights, bias [rows], shift [rows]); None if a row has no scale.

        Each row is tried from the greatest of `shifts` down, all rows at once. With the accumulator
        at scale 2^-s, the weight of column c is at scale 2^-(s - in_frac[c]).

        most  the greatest magnitude of an accumulator
        own   the shift of each row, where it is known
        """
        at = self.weights.tocoo()
        count, rows, columns, values = len(self.bias), at.row, at.col, at.data
        if not (np.all(np.isfinite(values)) and np.all(np.isfinite(self.bias))):
            return None
        integers = np.zeros(len(values), np.int64)
        biases, found = np.zeros(count, np.int64), np.zeros(count, np.int64)
        pending = np.ones(count, np.bool_)
        left = np.arange(len(values))  # entries of rows that have no scale yet
        for shift in reversed(shifts):
            scale = self.out_frac + shift
            row, frac = rows[left], self.in_frac[columns[left]]
            reals = values[left]
            small = np.abs(reals) < np.ldexp(1.0, bits - scale[row] + frac)
            good = pending & (np.abs(self.bias) < np.ldexp(1.0, 31 - scale))
            if own is not None:
                good &= own == shift
            good[row[~small]] = False
            w = quantise(np.where(small, reals, 0.0), scale[row] - frac)
            b = quantise(np.where(good, self.bias, 0.0), scale)
            good[row[np.abs(w) >= 1 << (bits - 1)]] = False
            room = (HALF_SEGMENT << shift) * tabled + ((1 << shift) >> 1)
            # Below 2^53, so exact: 2^23 products of int16.
            reach = np.bincount(row, np.abs(w) * self.in_reach[columns[left]], count)
            good &= reach + np.abs(b) + room <= most
            done = good[row]
            integers[left[done]] = w[done]
            biases[good], found[good] = b[good], shift
            pending &= ~good
            left = left[~done]
            if not pending.any():
                kept = SparseMatrix.from_entries(self.weights.shape, rows, columns, integers)
                return kept, biases, found
        return None

    def rounded_together(self, kept: Quantised, tabled: bool) -> Quantised:
        """The same with the weights of wide rows rounded together, where they still fit.

        A row keeps its own rounding if a weight or the accumulator could leave its size.
        """
        found, biases, shifts = kept
        rows = wide_rows(np.diff(self.weights.indptr))
        if self.together is None or not len(rows):
            return kept
        reals = self.weights[rows].toarray()
        scale = (self.out_frac + shifts)[rows, None] - self.in_frac
        more = self.together(np.ldexp(reals, scale))
        if more is None:
            return kept
        integers, bias = more[0], biases[rows] + more[1]
        room = (HALF_SEGMENT << shifts[rows]) * tabled + ((1 << shifts[rows]) >> 1)
        reach = np.abs(integers) @ self.in_reach + np.abs(bias) + room
        good = (np.abs(integers).max(axis=1) <= INT16_MAX) & (reach <= INT32_MAX)
        whole, biases = np.asarray(found), biases.copy()
        whole[rows[good]], biases[rows[good]] = integers[good], bias[good]
        return SparseMatrix.of(whole), biases, shifts


def linear(
    real: RealMap, bits: int = 16, tabled: bool = False, alike: bool = False
) -> Linear | None:
    """A real map as integers; None if a row's weights are too large for any scale.

    bits    of a weight, 16 or 8
    tabled  whether a table looks the result up: all rows then get one shift, if that costs none
            of them more than 5 bits, and room for half a segment of the table
    alike   whether all rows shall get one shift, if that costs none of them more than 5 bits

    Exact zeros stay zeros; of the layouts dense, sparse and sliding filters, the map gets the
    one that takes the least flash. Wide rows whose weights 32 bits would leave too coarse have
    accumulators of 64.
    """
    weights = sparse.csr_array(real.weights)
    weights.sum_duplicates()
    real = replace(real, weights=weights)
    kept = real.quantised(EVERY_SHIFT, bits, tabled)
    if kept is not None and (tabled or alike) and bits == 16:
        shifts = kept[2]
        if 0 < np.ptp(shifts) <= SHARED_SHIFT_BITS:
            kept = real.quantised(range(int(shifts.min()) + 1), bits, tabled)
    layouts = _LAYOUTS[bits]
    gate = tabled and bool(np.all(real.out_frac == GATE_FRAC))
    if bits == 16 and (kept is None or too_coarse(weights, real.in_reach, kept[2], gate)):
        long = real.quantised(SHIFTS, bits, tabled, LONG_MAX)
        kept, layouts = (kept, layouts) if long is None else (long, _LONG)
    if kept is None:
        return None
    if layouts is _LAYOUTS[16]:
        kept = real.rounded_together(kept, tabled)
    dense, *others = layouts
    others = others[:1] if never_smaller(*kept) else others  # without filters
    found, *_ = kept
    # Above `_SMALL` entries, a map of mostly zeros is never smallest as a dense array.
    possible = found.size <= max(_SMALL, 4 * (len(found.values) + len(found.counts)))
    ops = [layout(*kept) for layout in ([dense, *others] if possible else others)]
    best = smallest(ops)
    full = type(best) is Linear8 or (tabled and found.size <= _DENSE * len(found.values))
    return (_in_two_scales(real, tabled) or best) if bits == 8 and full else best


def _in_two_scales(real: RealMap, tabled: bool) -> Linear8 | None:
    weights = real.weights.toarray()
    given = (real.bias, real.in_frac, real.in_reach, real.out_frac, real.ends)
    return linear8(weights, *given, tabled)


def smallest(ops: list[Linear]) -> Linear:
    """The one that takes the least flash, the first of equals."""
    sizes = {size: op for op in reversed(ops) if (size := _flash(op)) is not None}
    return sizes[min(sizes)]


def _flash(op: Linear) -> int | None:
    """The bytes of all tables; None where one would be empty, which C does not have."""
    tables = op.tables()
    if not all(table.values.size for table in tables):
        return None
    return sum(table.bytes for table in tables)
