"""Sparse maps as straight code."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.codegen.unroll_sparse import _function
from elegans.exporter.ir.fixed_model import Step, Window
from elegans.exporter.numbers.fixed import Interval
from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops.sparse_linear import SparseLinear


@pytest.mark.parametrize(
    ("column", "unread"), [(0, ["x1"]), (1, ["x1"]), (2, ["x0"])], ids=["first", "last", "second"]
)
def test_a_window_without_a_synapse_is_named_as_unread(column, unread):
    """A compiler that warns of unused parameters would refuse it otherwise."""
    weights = np.zeros((1, 4), np.int64)
    weights[0, column] = 7
    op = SparseLinear(SparseMatrix.of(weights), np.array([3]), np.array([2]))
    x = Interval.of(np.full(4, -9), np.full(4, 9))
    windows = (Window("a", 0, 2), Window("b", 1, 3))
    made = _function("net", Step("sum", "layer0", op, (windows,), 1, (12,)), x)
    assert [line for line in made.lines if "(void)" in line] == [f"(void){n};" for n in unread]
