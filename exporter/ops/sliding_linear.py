"""The linear map of a convolution: synapses that slide over their input are stored once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.ops import Table
from elegans.exporter.ops.sparse_linear import SparseLinear, bridged

_UINT16_MAX = (1 << 16) - 1


@dataclass(frozen=True)
class Filter:
    """`positions` rows that follow each other, each `stride` columns to the right of the last."""

    weights: tuple[int, ...]
    gaps: tuple[int, ...]
    bias: int
    shift: int
    first: int  # the column from which the first row's gaps count
    positions: int = 1
    stride: int = 0


@dataclass(frozen=True, eq=False)
class SlidingLinear(SparseLinear):
    """`Linear`'s meaning to the bit; its tables hold one copy of each run of equal rows.

    Rows are equal if they have the same synapses, bias and shift but for a constant stride
    of columns from one to the next. Any matrix can be laid out so; where no row resembles
    the next, every row is a filter of one position.
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


def filters(op: SparseLinear) -> list[Filter]:
    """The rows of a map as filters, in order.

    A row without synapses gets one of weight zero, so that no table is ever empty.
    """
    found: list[Filter] = []
    for one in _alone(op):
        longer = _longer(found[-1], one) if found else None
        if longer is None:
            found.append(one)
        else:
            found[-1] = longer
    return found


def _alone(op: SparseLinear) -> Iterator[Filter]:
    """Each row as a filter of one position."""
    kept = op.weights
    starts = np.zeros(len(kept.counts), np.int64)
    lead = np.flatnonzero(np.diff(kept.rows, prepend=-1))
    starts[kept.rows[lead]] = np.minimum(kept.columns[lead], _UINT16_MAX)
    weights, gaps, counts = (part.tolist() for part in bridged(kept, starts))
    ends = itertools.accumulate(counts, initial=0)
    rows = zip(itertools.pairwise(ends), op.bias.tolist(), op.shift.tolist(), strict=True)
    for ((lo, hi), bias, shift), first in zip(rows, starts.tolist(), strict=True):
        if lo == hi:
            yield Filter((0,), (0,), bias, shift, 0)
        else:
            yield Filter(tuple(weights[lo:hi]), tuple(gaps[lo:hi]), bias, shift, first)


def _longer(run: Filter, row: Filter) -> Filter | None:
    """The run with one more row; None if the row does not go on as it does."""
    if (run.bias, run.shift) != (row.bias, row.shift):
        return None
    same = (run.weights, run.gaps) == (row.weights, row.gaps)
    stride = run.stride if run.positions > 1 else row.first - run.first
    in_step = row.first == run.first + stride * run.positions
    if not (same and in_step and stride >= 0 and run.positions < _UINT16_MAX):
        return None
    return Filter(run.weights, run.gaps, run.bias, run.shift, run.first, run.positions + 1, stride)


OP = SlidingLinear
