"""Maps whose accumulators have 64 bits."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.numbers.fixed import LONG_MAX, Interval, LongInterval, RangeError
from elegans.exporter.ops import from_json, to_json
from elegans.exporter.ops.linear import Linear
from elegans.exporter.ops.long_linear import LongLinear
from elegans.exporter.ops.long_sliding_linear import LongSlidingLinear
from elegans.exporter.ops.long_sparse_linear import LongSparseLinear
from elegans.exporter.ops.long_timed_linear import LongTimedLinear

_ENDS = np.array([-32768, -32767, -1, 0, 1, 32767])
_MAPS = [LongLinear, LongSparseLinear, LongSlidingLinear]


def _inputs(rng, rows, cols):
    return np.concatenate(
        [rng.choice(_ENDS, (rows, cols)), rng.integers(-32768, 32768, (rows, cols))]
    )


@pytest.mark.parametrize("kind", _MAPS)
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (5, 3), (4, 27), (2, 600)])
def test_maps_with_the_widest_weights_give_the_same_bits_everywhere(everywhere, kind, rows, cols):
    rng = np.random.default_rng(rows * cols)
    x = np.concatenate([_inputs(rng, 12, cols), np.full((1, cols), -32768)])
    for shift in (12, 17, 23, 30):
        weights = rng.integers(-32768, 32768, (rows, cols)) * (rng.random((rows, cols)) < 0.7)
        weights[:, 0] = -32768
        bias = rng.integers(-(2**31) + 1, 2**31, rows)
        everywhere(kind(weights, bias, np.full(rows, shift)), x)


@pytest.mark.parametrize("shift", [12, 19, 30])
def test_a_rate_of_32_bits_gives_the_same_bits_everywhere(everywhere, shift):
    rng = np.random.default_rng(shift)
    w, r = rng.integers(-32768, 32768, (2, 3, 201))
    b, c = rng.integers(-(2**31) + 1, 2**31, (2, 3))
    op = LongTimedLinear(w, b, r, c, np.full(3, shift))
    everywhere(op, _inputs(rng, 12, 201), rng.integers(0, 32768, (24, 1)))


def test_what_fits_32_bits_is_the_same_as_with_32():
    rng = np.random.default_rng(0)
    weights, bias, shift = (
        rng.integers(-99, 100, (4, 30)),
        rng.integers(-999, 999, 4),
        np.full(4, 16),
    )
    x = _inputs(rng, 50, 30)
    short, long = Linear(weights, bias, shift), LongLinear(weights, bias, shift)
    np.testing.assert_array_equal(short.integer(x), long.integer(x))
    within = Interval.of(x.min(axis=0), x.max(axis=0))
    np.testing.assert_array_equal(short.range(within).lo, long.range(within).lo)


def test_a_sum_is_saturated_and_not_taken_modulo_a_power_of_two():
    op = LongLinear(np.full((2, 600), [[32767], [-32768]]), [0, 0], [16, 16])
    assert op.integer(np.full((1, 600), -32768)).tolist() == [[-32768, 32767]]


def test_an_accumulator_that_could_reach_2_to_the_43_is_refused():
    width = LONG_MAX // 2**30 + 1
    op = LongLinear(np.full((1, width), -32768), [0], [16])
    with pytest.raises(RangeError, match="row 0"):
        op.range(Interval.of(np.full(width, -32768), np.full(width, 32767)))
    with pytest.raises(RangeError, match="sums end"):
        LongInterval.of([0], [LONG_MAX]) + 1


@pytest.mark.parametrize("shift", [11, 31])
@pytest.mark.parametrize("kind", _MAPS)
def test_a_shift_that_the_kernel_does_not_take_is_refused(kind, shift):
    with pytest.raises(ValueError, match=r"12\.\.30"):
        kind([[1]], [0], [shift])
    with pytest.raises(ValueError, match=r"12\.\.30"):
        LongTimedLinear([[1]], [0], [[1]], [0], [shift])


def test_a_model_file_has_it_as_a_map_of_its_own():
    op = LongSparseLinear([[0, 5], [7, 0]], [1, 2], [16, 20])
    assert type(from_json(to_json(op))) is LongSparseLinear
