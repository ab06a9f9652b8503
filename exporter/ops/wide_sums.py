"""y = W x + b where vectors of x have 32 bits, and so has y."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    LONG_MAX,
    Integers,
    Interval,
    LongInterval,
    RangeError,
    Value,
    constant,
    halves,
    product,
    rshr,
)
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops import WIDE, Table, frozen_integers, trained

_UP = 4
COARSE = 15
"""The bits by which the weights of `WideSums.coarse` are shifted."""
SHIFTS = range(13, 31)
"""The shifts from an accumulator to the upper half of a result, as in `wide_linear`."""
_RUN = 3
"""The least number of neighbouring columns for which the C has a loop of its own."""


@dataclass(frozen=True, eq=False)
class WideSums:
    """y = halves(rshr(16 (W upper + bias + (W lower >> 16)), shift - 12)), sums of 64 bits.

    x        [..., cols + wide]: upper halves and vectors of 16 bits, then the lower halves of the
             first `wide` columns
    weights  [rows, cols], sparse, int16
    coarse   [rows, cols] the same; W = weights + 2^15 coarse, for rows of weights of very different
             sizes, as where a state of a wide range is added to inputs of a narrow one
    bias     [rows] int32, at the accumulator's scale
    shift    [rows] 13..30, from the accumulator to the upper half of y
    y        [..., 2 rows] halves of 32-bit integers

    `range` raises `RangeError` for an accumulator that could reach 2^43, and for a result whose
    upper half could reach -2^15 or leave int16: nothing saturates.
    """

    weights: SparseMatrix
    coarse: SparseMatrix
    bias: Integers
    shift: Integers
    wide: int

    kernel: ClassVar[str] = "wide_sums"
    form: ClassVar[str] = WIDE
    in_place: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("weights", "coarse"):
            given = getattr(self, name)
            made = SparseMatrix.from_json(given) if isinstance(given, dict) else None
            object.__setattr__(self, name, made or SparseMatrix.of(given))
        object.__setattr__(self, "bias", frozen_integers(self.bias, 1))
        object.__setattr__(self, "shift", frozen_integers(self.shift, 1))
        if self.shift.size and not (self.shift.min() in SHIFTS and self.shift.max() in SHIFTS):
            raise ValueError(f"shifts {self.shift.min()}..{self.shift.max()}, expected 13..30")

    @cached_property
    def _parts(self) -> list[tuple[SparseMatrix, SparseMatrix | None, int]]:
        """The two matrices, of each the columns that have lower halves, and its scale."""
        found = []
        for matrix, scale in ((self.weights, 1), (self.coarse, 1 << COARSE)):
            kept = matrix.columns < self.wide
            entries = matrix.rows[kept], matrix.columns[kept], matrix.values[kept]
            shape = len(self.bias), max(self.wide, 1)
            below = SparseMatrix.from_entries(shape, *entries) if np.any(kept) else None
            if len(matrix.values):
                found.append((matrix, below, scale))
        return found

    def integer(self, x: Value) -> tuple[Value, Value]:
        cols = self.weights.cols
        sums, under = x[..., 0:1] * 0 + constant(self.bias, x), None
        for matrix, below, scale in self._parts:
            sums = sums + product(x[..., 0:cols], matrix) * scale
            if below is not None:
                more = product(x[..., cols : cols + self.wide], below) * scale
                under = more if under is None else under + more
        sums = sums if under is None else sums + (under >> 16)
        return halves(rshr(sums * (1 << _UP), self.shift - (16 - _UP)))

    def real(self, x: Value) -> tuple[Value, Value]:
        cols = self.weights.cols
        sums = x[..., 0:1] * 0.0 + constant(self.bias, x)
        for matrix, below, scale in self._parts:
            sums = sums + product(x[..., 0:cols], matrix) * float(scale)
            if below is not None:
                more = product(x[..., cols : cols + self.wide], below)
                sums = sums + more * (scale * 2.0**-16)
        y = sums * constant(np.ldexp(1.0, -self.shift), x)
        return y, 0.0 * y

    def range(self, x: Interval) -> tuple[Interval, Interval]:
        cols = self.weights.cols
        upper = x[..., 0:cols]
        whole = self._whole
        below = np.abs(np.asarray(whole))[:, : self.wide].sum(axis=1) + 1 >> 1
        reach = np.abs(np.asarray(whole)) @ upper.reach() + np.abs(self.bias) + below + 1
        if reach.max(initial=0) > LONG_MAX:
            row = int(reach.argmax())
            raise RangeError(f"the accumulator of row {row} reaches {int(reach[row])}")
        sums = LongInterval(upper.lo, upper.hi)
        found = product(sums, whole) + constant(self.bias, sums)
        lo, hi = (
            rshr(end << _UP, self.shift - (16 - _UP))
            for end in (found.lo - below - 1, found.hi + below + 1)
        )
        if hi.max() > INT32_MAX - (1 << 15) or lo.min() < -INT32_MAX + (1 << 15):
            raise RangeError("the upper half of a map's result leaves int16")
        upper = Interval.of(rshr(lo, 16), rshr(hi, 16))
        return upper, Interval.of(0 * upper.lo + INT16_MIN, 0 * upper.lo + INT16_MAX)

    @cached_property
    def counts(self) -> Integers:
        """[rows, 3] how many synapses of each row are from columns of 32 bits, from others, and
        from a run of others that are neighbours."""
        found = []
        for run, synapses in self._rows:
            wide = int(np.sum(self._whole.columns[synapses] < self.wide))
            found.append((wide, len(synapses) - wide - run, run))
        return np.array(found)

    @cached_property
    def _rows(self) -> list[tuple[int, Integers]]:
        """The synapses of each row, by their indices in `_whole`, and how many of them, the last
        ones, are a run."""
        whole, found = self._whole, []
        for row in range(len(self.bias)):
            of_row = np.flatnonzero(whole.rows == row)
            columns = whole.columns[of_row]
            narrow = of_row[columns >= self.wide]
            runs = np.split(narrow, np.flatnonzero(np.diff(whole.columns[narrow]) != 1) + 1)
            longest = max(runs, key=len)
            run = longest if len(longest) >= _RUN else longest[:0]
            found.append((len(run), np.concatenate([np.setdiff1d(of_row, run), run])))
        return found

    @cached_property
    def _whole(self) -> SparseMatrix:
        """Both matrices as one."""
        return SparseMatrix.of(np.asarray(self.weights) + (np.asarray(self.coarse) << COARSE))

    def tables(self) -> list[Table]:
        whole, columns = self._whole, list[Integers]()
        for counts, (run, synapses) in zip(self.counts, self._rows, strict=True):
            columns += [counts, whole.columns[synapses[: len(synapses) - max(run - 1, 0)]]]
        values = whole.values[np.concatenate([synapses for _, synapses in self._rows])]
        return [
            Table("w", "int32_t", values, f"weights of {len(values)} synapses, row by row"),
            Table("at", "uint16_t", np.concatenate(columns), "columns: see el_wide_sums.h"),
            trained("b", "int32_t", self.bias, "biases, at the accumulator's scale"),
            trained("s", "uint8_t", self.shift, "shifts, accumulator to output"),
        ]

    def scalars(self) -> list[int]:
        rows, cols = self.weights.shape
        return [cols, rows]


OP = WideSums
