"""The layout of convolutions: exact for any matrix, and repeated rows are stored once."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.numbers.sparse_matrix import SparseMatrix
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.sliding_linear import SlidingLinear, filters, never_smaller
from elegans.exporter.ops.sliding_linear8 import SlidingLinear8
from elegans.exporter.ops.sparse_linear import SparseLinear

_OPS = [(SlidingLinear, 400), (SlidingLinear8, 127)]


def _convolution(rng, reach, features=3, kernel=4, stride=2, cols=40):
    """Rows feature by feature, each a shifted copy of the one before it."""
    rows = []
    for _ in range(features):
        taps = rng.integers(1, reach, kernel) * rng.choice([-1, 1], kernel)
        for start in range(0, cols - kernel + 1, stride):
            row = np.zeros(cols, np.int64)
            row[start : start + kernel] = taps
            rows.append(row)
    return np.array(rows)


def _fields(rng, weights):
    per_filter = rng.integers(-9000, 9000, 3).repeat(len(weights) // 3)
    return weights, per_filter, np.full(len(weights), 9)


@pytest.mark.parametrize(("kind", "reach"), _OPS)
def test_a_convolution_gives_the_same_bits_everywhere(everywhere, kind, reach):
    rng = np.random.default_rng(0)
    fields = _fields(rng, _convolution(rng, reach))
    x = rng.integers(-32768, 32768, (6, 40))
    np.testing.assert_array_equal(everywhere(kind(*fields), x), Linear(*fields).integer(x))


@pytest.mark.parametrize(("kind", "reach"), _OPS)
@pytest.mark.parametrize("cols", [1, 7, 600])
def test_any_matrix_can_have_this_layout(everywhere, kind, reach, cols):
    rng = np.random.default_rng(cols)
    weights = rng.integers(-reach, reach, (9, cols)) * (rng.random((9, cols)) < 0.1)
    fields = (weights, rng.integers(-9000, 9000, 9), rng.integers(0, 12, 9))
    x = rng.integers(-300, 300, (4, cols))
    np.testing.assert_array_equal(everywhere(kind(*fields), x), Linear(*fields).integer(x))


def test_a_convolution_stores_each_filter_once():
    rng = np.random.default_rng(1)
    op = SlidingLinear(*_fields(rng, _convolution(rng, 400)))
    assert [(len(f.weights), f.positions, f.stride) for f in filters(op)] == [(4, 19, 2)] * 3
    assert sum(t.values.size for t in op.tables() if t.suffix == "w") == 12


def test_maps_whose_rows_differ_are_never_smaller_as_filters():
    """With few weights of few values, both answers occur, and the answer yes is always right."""
    rng, told = np.random.default_rng(3), 0
    for _ in range(300):
        rows, cols = rng.integers(1, 5), rng.integers(1, 766)
        weights = np.zeros((rows, cols), np.int64)
        for row in weights:
            row[rng.integers(0, cols, rng.integers(1, 4))] = rng.integers(1, 4)
        given = SparseMatrix.of(weights), rng.integers(0, 2, rows), rng.integers(0, 2, rows)
        sparse, sliding = (
            sum(table.bytes for table in layout(*given).tables())
            for layout in (SparseLinear, SlidingLinear)
        )
        told += never_smaller(*given)
        assert sliding >= sparse or not never_smaller(*given)
    assert 0 < told < 300
