"""`sparse_linear` with int8 weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from elegans.exporter.ops.sparse_linear import SparseLinear


@dataclass(frozen=True, eq=False)
class SparseLinear8(SparseLinear):
    """As `SparseLinear`, with weights in -127..127."""

    kernel: ClassVar[str] = "sparse_linear8"
    weight_bits: ClassVar[int] = 8


OP = SparseLinear8
