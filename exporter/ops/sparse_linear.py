"""y = W x + b with only the nonzero weights stored: a zero costs neither flash nor time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.numbers.fixed import Integers
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops import Table, frozen_integers, trained
from elegans.exporter.ops.linear import Linear

WIDEST_GAP = 255  # of a uint8_t


@dataclass(frozen=True, eq=False)
class SparseLinear(Linear):
    """The same function as `Linear`, to the bit; a nonzero weight is called a synapse.

    weights      [rows, cols], sparse
    bias, shift  [rows] as in `Linear`

    The tables store each weight with its gap, the number of columns from the weight before it
    in the same row (from column 0 for the first). A gap above 255 is split by weights of zero.
    """

    weights: SparseMatrix

    kernel: ClassVar[str] = "sparse_linear"

    def __post_init__(self) -> None:
        given = self.weights
        weights = (
            SparseMatrix.from_json(given) if isinstance(given, dict) else SparseMatrix.of(given)
        )
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "bias", frozen_integers(self.bias, 1))
        object.__setattr__(self, "shift", frozen_integers(self.shift, 1))

    def tables(self) -> list[Table]:
        weights, gaps, counts = gap_encoded(self.weights)
        return [
            trained(
                "w", self.weight_type(), weights, f"weights of {len(weights)} synapses, row by row"
            ),
            Table("g", "uint8_t", gaps, "columns from one synapse to the next"),
            Table("n", "uint16_t", counts, "synapses of each row"),
            *self.row_tables(),
        ]

    def scalars(self) -> list[int]:
        return [self.weights.shape[0]]


def gap_encoded(
    matrix: Integers | SparseMatrix, starts: Integers | None = None
) -> tuple[Integers, Integers, Integers]:
    """The nonzero weights of a matrix, each with its distance from the one before.

    matrix   [rows, cols]
    starts   [rows] the column from which the first gap of each row counts; 0 if None
    returns  weights [n] and gaps [n], row by row, and counts [rows], the weights of each row;
             gaps are at most 255, and weights of zero split those that would be wider
    """
    found = SparseMatrix.of(matrix)
    before = np.concatenate([[0], found.columns[:-1]])[: len(found.columns)]
    firsts = np.flatnonzero(np.diff(found.rows, prepend=-1))
    before[firsts] = 0 if starts is None else starts[found.rows[firsts]]
    distances = found.columns - before
    padding = np.maximum(distances - 1, 0) // WIDEST_GAP
    ends = np.cumsum(padding + 1)
    weights = np.zeros(int((padding + 1).sum()), np.int64)
    gaps = np.full(len(weights), WIDEST_GAP)
    weights[ends - 1] = found.values
    gaps[ends - 1] = distances - WIDEST_GAP * padding
    counts = found.counts + np.bincount(found.rows, padding, len(found.counts)).astype(np.int64)
    return weights, gaps, counts


OP = SparseLinear
