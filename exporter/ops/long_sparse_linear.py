"""`sparse_linear` with an accumulator of 64 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, LongInterval
from elegans.exporter.ops.long_linear import check_shifts
from elegans.exporter.ops.sparse_linear import SparseLinear


@dataclass(frozen=True, eq=False)
class LongSparseLinear(SparseLinear):
    """As `SparseLinear`, with an accumulator of 64 bits and `shift` in 12..30."""

    kernel: ClassVar[str] = "long_sparse_linear"
    sums: ClassVar[type[Interval]] = LongInterval

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shifts(self.shift)


OP = LongSparseLinear
