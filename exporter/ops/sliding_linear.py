"""y = W x + b of a convolution: a filter that slides over the input is stored once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops import Table
from elegans.exporter.ops.sparse_linear import WIDEST_GAP, SparseLinear, gap_encoded

_UINT16_MAX = (1 << 16) - 1


@dataclass(frozen=True)
class Filter:
    """Consecutive rows with the same weights, each further right than the row before.

    weights, gaps  of one row, as `gap_encoded` gives them
    bias, shift    of every row
    first          the column from which the first row's gaps count, 0..65535
    positions      the number of rows, at least 1
    stride         the columns from one row to the next, at least 0
    """

    weights: tuple[int, ...]
    gaps: tuple[int, ...]
    bias: int
    shift: int
    first: int
    positions: int = 1
    stride: int = 0


@dataclass(frozen=True, eq=False)
class SlidingLinear(SparseLinear):
    """The same function as `Linear`, to the bit; the tables hold filters instead of rows.

    Rows become one filter if they have the same weights, bias and shift, and a constant
    stride of columns from one to the next. Any matrix can be stored so: a row that resembles
    neither of its neighbours is a filter with one position.
    """

    kernel: ClassVar[str] = "sliding_linear"

    def tables(self) -> list[Table]:
        found = filters(self)
        weights = np.array([w for f in found for w in f.weights], dtype=np.int64)
        gaps = np.array([g for f in found for g in f.gaps], dtype=np.int64)
        moves = [(len(f.weights), f.first, f.positions, f.stride) for f in found]
        return [
            Table("w", self.weight_type(), weights, f"weights of {len(found)} filters, one by one"),
            Table("g", "uint8_t", gaps, "columns from one synapse to the next"),
            Table("f", "uint16_t", np.array(moves), "synapses, first column, positions, stride"),
            Table("b", "int32_t", np.array([f.bias for f in found]), "biases of the filters"),
            Table("s", "uint8_t", np.array([f.shift for f in found]), "shifts of the filters"),
        ]

    def scalars(self) -> list[int]:
        return [len(filters(self))]


def never_smaller(matrix: SparseMatrix, bias: Integers, shift: Integers) -> bool:
    """Whether it is plain, without a search for filters, that `SparseLinear` takes no more flash.

    If no row has the bias, the shift, the count and the first weight of the one before, each row is
    a filter with 8 bytes of its own where a sparse row has 2. A sparse row may have to begin with
    weights of zero, of 3 bytes at most, one for each 255 columns: two of them make up for 6 bytes.
    """
    if matrix.cols > 3 * WIDEST_GAP or not np.all(matrix.counts):
        return False
    firsts = matrix.values[np.cumsum(matrix.counts) - matrix.counts]
    alike = [part[1:] == part[:-1] for part in (bias, shift, matrix.counts, firsts)]
    return not np.any(np.logical_and.reduce(alike))


def filters(op: SparseLinear) -> list[Filter]:
    """The rows of a map as filters, in order.

    A row without weights gets one weight of zero, because C has no empty arrays.
    """
    found: list[Filter] = []
    for row in _rows(op):
        longer = _extended(found[-1], row) if found else None
        if longer is None:
            found.append(row)
        else:
            found[-1] = longer
    return found


def _rows(op: SparseLinear) -> Iterator[Filter]:
    """Each row as a filter with one position."""
    matrix = op.weights
    starts = np.zeros(len(matrix.counts), np.int64)
    firsts = np.flatnonzero(np.diff(matrix.rows, prepend=-1))
    starts[matrix.rows[firsts]] = np.minimum(matrix.columns[firsts], _UINT16_MAX)
    weights, gaps, counts = (part.tolist() for part in gap_encoded(matrix, starts))
    ends = itertools.accumulate(counts, initial=0)
    rows = zip(itertools.pairwise(ends), op.bias.tolist(), op.shift.tolist(), strict=True)
    for ((lo, hi), bias, shift), first in zip(rows, starts.tolist(), strict=True):
        if lo == hi:
            yield Filter((0,), (0,), bias, shift, 0)
        else:
            yield Filter(tuple(weights[lo:hi]), tuple(gaps[lo:hi]), bias, shift, first)


def _extended(found: Filter, row: Filter) -> Filter | None:
    """The filter with one more row; None if the row is not its next position."""
    if (found.bias, found.shift) != (row.bias, row.shift):
        return None
    same = (found.weights, found.gaps) == (row.weights, row.gaps)
    stride = found.stride if found.positions > 1 else row.first - found.first
    in_step = row.first == found.first + stride * found.positions
    if not (same and in_step and stride >= 0 and found.positions < _UINT16_MAX):
        return None
    return replace(found, positions=found.positions + 1, stride=stride)


OP = SlidingLinear
