"""The linear map again, laid out so that an absent synapse costs neither flash nor time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops import Table, integers
from elegans.exporter.ops.linear import Linear

_WIDEST_GAP = 255


@dataclass(frozen=True, eq=False)
class SparseLinear(Linear):
    """`Linear`'s meaning to the bit; it holds the synapses only, and so do its tables.

    Each weight comes with its gap: how many columns lie between it and the one before it
    in the row (before the first: column 0). A gap that does not fit a byte is bridged by
    weights of zero.
    """

    weights: SparseMatrix

    kernel: ClassVar[str] = "sparse_linear"

    def __post_init__(self) -> None:
        given = self.weights
        weights = (
            SparseMatrix.from_json(given) if isinstance(given, dict) else SparseMatrix.of(given)
        )
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "bias", integers(self.bias, 1))
        object.__setattr__(self, "shift", integers(self.shift, 1))

    def tables(self) -> list[Table]:
        weights, gaps, counts = synapses(self.weights)
        return [
            Table(
                "w", self.weight_type(), weights, f"weights of {len(weights)} synapses, row by row"
            ),
            Table("g", "uint8_t", gaps, "columns from one synapse to the next"),
            Table("n", "uint16_t", counts, "synapses of each row"),
            *self.row_tables(),
        ]

    def scalars(self) -> list[int]:
        return [self.weights.shape[0]]


def synapses(matrix: Integers | SparseMatrix) -> tuple[Integers, Integers, Integers]:
    """A matrix as (weights, gaps, synapses a row), zeros left out."""
    found = SparseMatrix.of(matrix)
    return bridged(found, np.zeros(len(found.counts), np.int64))


def bridged(found: SparseMatrix, starts: Integers) -> tuple[Integers, Integers, Integers]:
    """The same with each row's gaps counted from a column of its own."""
    before = np.concatenate([[0], found.columns[:-1]])[: len(found.columns)]
    lead = np.flatnonzero(np.diff(found.rows, prepend=-1))
    before[lead] = starts[found.rows[lead]]
    gaps = found.columns - before
    bridges = np.maximum(gaps - 1, 0) // _WIDEST_GAP
    ends = np.cumsum(bridges + 1)
    weights = np.zeros(int((bridges + 1).sum()), np.int64)
    steps = np.full(len(weights), _WIDEST_GAP)
    weights[ends - 1] = found.values
    steps[ends - 1] = gaps - _WIDEST_GAP * bridges
    counts = found.counts + np.bincount(found.rows, bridges, len(found.counts)).astype(np.int64)
    return weights, steps, counts


OP = SparseLinear
