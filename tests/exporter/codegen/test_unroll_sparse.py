"""Sparse maps as straight code."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.codegen.unrolled.unroll_sparse import _function
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


def _rows(columns, shift, bias=40, reach=30_000):
    """The lines of a map whose rows read one element each, of two windows of 5 and 3."""
    weights = np.zeros((len(columns), 8), np.int64)
    weights[np.arange(len(columns)), columns] = 1000
    bias = np.full(len(columns), bias)
    op = SparseLinear(SparseMatrix.of(weights), bias, np.array(shift))
    x = Interval.of(np.full(8, -reach), np.full(8, reach))
    windows = (Window("a", 0, 5), Window("b", 1, 4))
    step = Step("sum", "layer0", op, (windows,), len(columns), (12,) * len(columns))
    return _function("net", step, x).lines


def test_rows_side_by_side_are_fours_for_cores_with_vectors_and_lines_for_others():
    lines = _rows([0, 1, 2, 3, 4, 5, 6, 7], [10] * 8)
    fours = [line for line in lines if "EL_FOUR_ROWS(" in line]
    assert [line[: line.index(", 10")] for line in fours] == [
        "EL_FOUR_ROWS(&y[0], &x0[0]",
        "EL_FOUR_ROWS(&y[1], &x0[1]",  # the last four of five, not a row by itself
    ]
    others = lines[lines.index("#else") + 1 : lines.index("#endif")]
    assert len(others) == 5
    rest = lines[lines.index("#endif") + 1 :]
    assert [line[:4] for line in rest] == ["y[5]", "y[6]", "y[7]"]


def test_rows_in_another_order_stay_lines():
    assert not any("EL_FOUR" in line for line in _rows([1, 0, 3, 2, 4], [10] * 5))


@pytest.mark.parametrize(("reach", "macro"), [(30_000, "EL_FOUR_ROWS"), (2**20, "EL_FOUR_SHIFTED")])
def test_rows_have_one_shift_where_the_scaled_sums_fit(reach, macro):
    (line,) = [line for line in _rows([0, 1, 2, 3], [10, 12, 12, 11], reach=reach) if "(&y" in line]
    if macro == "EL_FOUR_ROWS":
        assert line.startswith("EL_FOUR_ROWS(&y[0], &x0[0], 12, 2208, 4000, 2088, 1000")
    else:
        assert line.startswith("EL_FOUR_SHIFTED(&y[0], &x0[0], 10, 12, 12, 12")
