"""`wide_linear` with only the nonzero weights stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.numbers.fixed import Interval, Value
from elegans.exporter.ops import WIDE
from elegans.exporter.ops.long_sparse_linear import LongSparseLinear
from elegans.exporter.ops.wide_linear import check_wide_shifts, wide_integer, wide_range


@dataclass(frozen=True, eq=False)
class WideSparseLinear(LongSparseLinear):
    """The same function as `WideLinear`, to the bit; fields as in `SparseLinear`."""

    kernel: ClassVar[str] = "wide_sparse_linear"
    form: ClassVar[str] = WIDE

    def __post_init__(self) -> None:
        super().__post_init__()
        check_wide_shifts(self)

    def integer(self, x: Value) -> tuple[Value, Value]:
        return wide_integer(self, x)

    def real(self, x: Value) -> tuple[Value, Value]:
        upper = LongSparseLinear.real(self, x)
        return upper, 0.0 * upper

    def range(self, x: Interval) -> tuple[Interval, Interval]:
        return wide_range(self, x)


OP = WideSparseLinear
