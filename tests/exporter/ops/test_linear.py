"""Linear maps, dense and sparse."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.numbers.fixed import Interval, RangeError
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.linear8 import Linear8, lifted
from elegans.exporter.ops.sparse_linear import SparseLinear, gap_encoded
from elegans.exporter.ops.sparse_linear8 import SparseLinear8

_ENDS = np.array([-32768, -32767, -1, 0, 1, 32767])


def _map(kind, rows, cols, density, seed, shift=15):
    rng = np.random.default_rng(seed)
    largest = (1 << (kind.weight_bits - 1)) - 1
    bound = min(largest, (2**31 - 2**20) // (32768 * cols))
    weights = rng.integers(-bound, bound + 1, (rows, cols)) * (rng.random((rows, cols)) < density)
    return kind(weights, rng.integers(-4096, 4096, rows), np.full(rows, shift))


@pytest.mark.parametrize("kind", [Linear, SparseLinear, Linear8, SparseLinear8])
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 7), (5, 3), (19, 27), (2, 600)])
def test_maps_of_any_shape_give_the_same_bits_everywhere(everywhere, kind, rows, cols):
    rng = np.random.default_rng(rows)
    corners = rng.choice(_ENDS, (24, cols))
    noise = rng.integers(-32768, 32768, (24, cols))
    for shift in (0, 1, 11, 15):
        op = _map(kind, rows, cols, 0.4, rows * cols, shift)
        if len(op.tables()[0].values.ravel()):
            everywhere(op, np.concatenate([corners, noise]))


@pytest.mark.parametrize("split", [0, 1, 4, 7])
def test_int8_weights_have_a_scale_in_each_part_of_a_row(everywhere, split):
    rng = np.random.default_rng(split)
    lifts = np.array([0, 1, 3, 7, 2])
    small = rng.integers(-127, 128, (5, 7))
    op = Linear8(small << lifted(7, split, lifts), np.arange(5), np.full(5, 11), split, lifts)
    assert op.tables()[0].values.tolist() == small.tolist()
    x = np.concatenate([rng.choice(_ENDS, (24, 7)), rng.integers(-32768, 32768, (24, 7))])
    everywhere(op, x >> 3)


@pytest.mark.parametrize("weights", [[[3, 5]], [[512, 1]], [[2, 128]], [[2, -128]]])
def test_weights_that_are_no_int8_at_the_scale_of_their_part_are_refused(weights):
    with pytest.raises(ValueError, match="no int8"):
        Linear8(weights, [0], [11], 1, [1])


def test_sparse_and_dense_are_one_map():
    dense = _map(Linear, 19, 27, 0.3, 1)
    sparse = SparseLinear(dense.weights, dense.bias, dense.shift)
    x = np.random.default_rng(2).integers(-32768, 32768, (100, 27))
    np.testing.assert_array_equal(dense.integer(x), sparse.integer(x))


def test_a_sparse_map_stores_its_synapses_and_nothing_else():
    weights = np.zeros((3, 40), np.int64)
    weights[0, [0, 39]] = 5, -6
    weights[2, 7] = 8
    kept, gaps, counts = gap_encoded(weights)
    assert kept.tolist() == [5, -6, 8]
    assert gaps.tolist() == [0, 39, 7]
    assert counts.tolist() == [2, 0, 1]


def test_a_gap_wider_than_a_byte_is_bridged_by_zeros():
    weights = np.zeros((1, 600), np.int64)
    weights[0, 599] = 3
    kept, gaps, _ = gap_encoded(weights)
    assert sum(gaps) == 599
    assert max(gaps) <= 255
    assert kept.tolist() == [0, 0, 3]


def test_an_accumulator_that_could_overflow_is_refused_by_its_row():
    op = Linear([[1, 1, 1], [32767, 32767, 32767]], [0, 0], [15, 15])
    any_int16 = Interval.of([-32768] * 3, [32767] * 3)
    with pytest.raises(RangeError, match="row 1"):
        op.range(any_int16)


def test_partial_sums_count_even_where_the_whole_sum_would_fit():
    """The bias takes the sum back into int32, but the products alone leave it."""
    op = Linear([[32767, 32767, 32767]], [-(2**31) + 1], [15])
    with pytest.raises(RangeError):
        op.range(Interval.of([0] * 3, [32767] * 3))
