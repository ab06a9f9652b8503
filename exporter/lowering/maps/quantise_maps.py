"""Real weights to integers: for each row the finest scale at which it provably cannot overflow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from elegans.exporter.ir.affine import Matrix
from elegans.exporter.lowering.maps.joint_rounding import Together, wide_rounded, wide_rows
from elegans.exporter.lowering.maps.quantise_int8 import linear8, timed8
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
from elegans.exporter.ops.long_timed_linear import LongTimedLinear
from elegans.exporter.ops.sliding_linear import SlidingLinear, never_smaller
from elegans.exporter.ops.sliding_linear8 import SlidingLinear8
from elegans.exporter.ops.sparse_linear import SparseLinear
from elegans.exporter.ops.sparse_linear8 import SparseLinear8
from elegans.exporter.ops.tanh import HALF_SEGMENT
from elegans.exporter.ops.timed_linear import RATE_SHIFT, TimedLinear
from elegans.exporter.ops.timed_linear8 import TimedLinear8

_SHIFTS = range(31)  # that `rshr` takes
_LAYOUTS: dict[int, tuple[type[Linear], ...]] = {
    16: (Linear, SparseLinear, SlidingLinear),
    8: (Linear8, SparseLinear8, SlidingLinear8),
}
_LONG: tuple[type[Linear], ...] = (LongLinear, LongSparseLinear, LongSlidingLinear)
# A map whose rows share one shift is faster on every core. It may cost a row this many bits: all
# rows feed the same table, so none becomes less exact than the row with the smallest shift.
SHARED_SHIFT_BITS = 5
_DENSE = 3  # int8 maps of which a table looks the result up are dense down to one weight in 3
_BITS = 16  # of the weights of a `TimedLinear`
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
    kept = real.quantised(_SHIFTS, bits, tabled)
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


@dataclass(frozen=True, eq=False)
class RealTimedMap:
    """`W x + b + dt (R x + r)` in real numbers, and what is known of its integers.

    weights, rates     W and R [rows, cols]
    bias, rate_bias    b and r [rows]
    in_frac, in_reach  [cols] fractional bits and greatest magnitude of the integers of x
    dt_frac, dt_reach  those of elapsed time
    out_frac           the fractional bits that the result shall have
    ends               the columns at which the windows end that x consists of
    together           as in `RealMap`
    """

    weights: Reals
    bias: Reals
    rates: Reals
    rate_bias: Reals
    in_frac: Integers
    in_reach: Integers
    dt_frac: int
    dt_reach: int
    out_frac: int
    ends: tuple[int, ...]
    together: Together | None = None

    def quantised(
        self, shifts: range, kind: type[TimedLinear] = TimedLinear, room: int = 0
    ) -> list[TimedLinear] | None:
        """One op a row, each at the finest scale that holds it and leaves `room`, in bits; None if
        a row has none."""
        rows = []
        for row in range(len(self.bias)):
            op = self._row(row, shifts, kind, room)
            if op is None:
                return None
            rows.append(op)
        return rows

    def _row(
        self, row: int, shifts: range, kind: type[TimedLinear], room: int
    ) -> TimedLinear | None:
        """One row, tried from the greatest of `shifts` down."""
        drive, rate = (self.weights[row], self.bias[row]), (self.rates[row], self.rate_bias[row])
        for shift in reversed(shifts):
            scale = self.out_frac + shift
            ints: list[Integers] = []
            for (w, b), at in ((drive, scale), (rate, scale - self.dt_frac + RATE_SHIFT)):
                small = np.all(np.abs(w) < 2.0 ** (_BITS - at + self.in_frac))
                if small and abs(b) < 2.0 ** (31 - at):
                    ints += [quantise(w, at - self.in_frac)[None], quantise([b], at)]
            largest = max((int(np.abs(w).max()) for w in ints[::2]), default=0)
            if len(ints) < 4 or largest >= 1 << (_BITS - 1 - room):
                continue
            op = kind(ints[0], ints[1], ints[2], ints[3], np.array([shift]))
            reach = op.reach(self.in_reach, self.dt_reach)[0] + (HALF_SEGMENT << shift)
            if reach <= op.sums.most >> room:
                return op
        return None

    def rounded_together(self, op: TimedLinear) -> TimedLinear:
        """The same with the weights of wide rows rounded together, where they still fit."""
        scale = self.out_frac + op.shift
        still = np.ldexp(self.weights, scale[:, None] - self.in_frac)
        scale = scale - self.dt_frac + RATE_SHIFT
        moving = np.ldexp(self.rates, scale[:, None] - self.in_frac)
        drive = wide_rounded(still, (op.weights, op.bias), self.together)
        rate = wide_rounded(moving, (op.rates, op.rate_bias), self.together)
        more = replace(op, weights=drive[0], bias=drive[1], rates=rate[0], rate_bias=rate[1])
        reach = more.reach(self.in_reach, self.dt_reach) + (HALF_SEGMENT << op.shift)
        good = reach <= INT32_MAX
        return replace(
            op,
            weights=np.where(good[:, None], more.weights, op.weights),
            bias=np.where(good, more.bias, op.bias),
            rates=np.where(good[:, None], more.rates, op.rates),
            rate_bias=np.where(good, more.rate_bias, op.rate_bias),
        )


def timed(real: RealTimedMap, bits: int = 16) -> TimedLinear | None:
    """A real map with a rate as integers; None if no scale holds it.

    Each row is at the finest scale at which no accumulator can leave int32, or all rows at the
    coarsest of these if that costs none of them more than 5 bits; with 8 bits, as `timed8` says.
    """
    if bits == 8:
        return timed_in_8(real)
    rows = real.quantised(_SHIFTS)
    shifts = [int(row.shift[0]) for row in rows or ()]
    if rows and 0 < max(shifts) - min(shifts) <= SHARED_SHIFT_BITS:
        rows = real.quantised(range(min(shifts) + 1))
        shifts = [min(shifts)] * len(shifts)
    still = sparse.csr_array(real.weights)
    gate = real.out_frac == GATE_FRAC
    if rows is None or too_coarse(still, real.in_reach, np.array(shifts), gate):
        rows = real.quantised(SHIFTS, LongTimedLinear) or rows
    if rows is None:
        return None
    names = ("weights", "bias", "rates", "rate_bias", "shift")
    fields = [np.concatenate([getattr(row, name) for row in rows]) for name in names]
    op = type(rows[0])(*fields)
    return op if isinstance(op, LongTimedLinear) else real.rounded_together(op)


def timed_in_8(
    real: RealTimedMap, room: int = 0, known: TimedLinear8 | None = None
) -> TimedLinear8 | None:
    """The same with int8 weights: see `timed8`."""
    maps = ((real.weights, real.bias), (real.rates, real.rate_bias))
    elapsed = (real.dt_frac, real.dt_reach)
    given = (maps, real.in_frac, real.in_reach, elapsed, real.out_frac, real.ends)
    return timed8(*given, room, known)


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
