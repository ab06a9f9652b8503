"""The linear map again, laid out so that an absent synapse costs neither flash nor time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from elegans.exporter.fixed import Integers
from elegans.exporter.ops import Table
from elegans.exporter.ops.linear import Linear

_WIDEST_GAP = 255


@dataclass(frozen=True, eq=False)
class SparseLinear(Linear):
    """`Linear`'s meaning to the bit; its tables hold the synapses only.

    Each weight comes with its gap: how many columns lie between it and the one before it
    in the row (before the first: column 0). A gap that does not fit a byte is bridged by
    weights of zero.
    """

    kernel: ClassVar[str] = "sparse_linear"

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


def synapses(weights: Integers) -> tuple[Integers, Integers, Integers]:
    """A matrix as (weights, gaps, synapses a row), zeros left out."""
    kept: list[int] = []
    gaps: list[int] = []
    counts: list[int] = []
    for row in weights:
        before, start = 0, len(kept)
        for column in np.flatnonzero(row):
            while column - before > _WIDEST_GAP:
                before += _WIDEST_GAP
                gaps.append(_WIDEST_GAP)
                kept.append(0)
            gaps.append(int(column) - before)
            kept.append(int(row[column]))
            before = int(column)
        counts.append(len(kept) - start)
    return tuple(np.array(part, dtype=np.int64) for part in (kept, gaps, counts))  # type: ignore[return-value]


OP = SparseLinear
