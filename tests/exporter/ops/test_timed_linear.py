"""The linear map with a rate: z = W x + b + dt (R x + r)."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.lowering.maps.quantise_timed import RealTimedMap, timed
from elegans.exporter.numbers.fixed import Interval, RangeError, dequantise
from elegans.exporter.ops.linear8 import lifted
from elegans.exporter.ops.timed_linear import TimedLinear
from elegans.exporter.ops.timed_linear8 import TimedLinear8

_ENDS = np.array([-32768, -32767, -1, 0, 1, 32767])


def _map(kind, rows, cols, shift, seed):
    rng = np.random.default_rng(seed)
    largest = (1 << (kind.weight_bits - 1)) - 1
    bound = min(largest, (2**29) // (32768 * cols))
    weights, rates = (rng.integers(-bound, bound + 1, (rows, cols)) for _ in range(2))
    bias, rate_bias = (rng.integers(-4096, 4096, rows) for _ in range(2))
    return kind(weights, bias, rates, rate_bias, np.full(rows, shift))


@pytest.mark.parametrize("kind", [TimedLinear, TimedLinear8])
@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (5, 3), (7, 40)])
def test_maps_of_any_shape_give_the_same_bits_everywhere(everywhere, kind, rows, cols):
    rng = np.random.default_rng(cols)
    x = np.concatenate([rng.choice(_ENDS, (24, cols)), rng.integers(-32768, 32768, (24, cols))])
    for shift in (0, 1, 11, 16):
        everywhere(_map(kind, rows, cols, shift, rows), x, rng.integers(0, 32768, (48, 1)))


@pytest.mark.parametrize(("split", "whole"), [(0, (3, 0)), (4, (0, 7)), (9, (2, 1))])
def test_w_and_r_have_scales_of_their_own_in_two_parts(everywhere, split, whole):
    rng = np.random.default_rng(split)
    lifts, rate_lifts = rng.integers(0, 4, (2, 5))
    maps = [
        rng.integers(-127, 128, (5, 9)) << (lifted(9, split, own) + total)
        for own, total in zip((lifts, rate_lifts), whole, strict=True)
    ]
    bias = np.zeros(5, np.int64)
    parts = {"split": split, "lifts": lifts, "rate_lifts": rate_lifts, "whole": whole}
    op = TimedLinear8(maps[0], bias, maps[1], bias, np.full(5, 11), **parts)
    x = np.concatenate([rng.choice(_ENDS, (24, 9)), rng.integers(-32768, 32768, (24, 9))])
    everywhere(op, x >> 4, rng.integers(0, 4096, (48, 1)))


def test_a_rate_that_could_overflow_with_time_is_refused_by_its_row():
    op = TimedLinear([[1], [1]], [0, 0], [[1], [32767]], [0, 2**30], [1, 1])
    with pytest.raises(RangeError, match="row 1"):
        op.range(Interval.of([-32768], [32767]), Interval.of([0], [65535]))


@pytest.mark.parametrize("bits", [16, 8])
def test_a_quantised_map_is_near_the_real_one_and_leaves_room_for_half_a_segment(bits):
    rng = np.random.default_rng(bits)
    maps = (
        rng.normal(0, 0.5, (6, 9)),
        rng.normal(0, 0.5, 6),
        rng.normal(0, 3, (6, 9)),
        rng.normal(0, 3, 6),
    )
    reach = np.full(9, 32768)
    real = RealTimedMap(
        *maps, np.full(9, 15), reach, dt_frac=18, dt_reach=26214, out_frac=11, ends=(4, 9)
    )
    op = timed(real, bits)
    assert op.reach(reach, 26214).max() + (512 << op.shift.max()) < 2**31
    x, dt = rng.integers(-32768, 32768, (500, 9)), rng.integers(2621, 26215, (500, 1))
    h, t = dequantise(x, 15), dequantise(dt, 18)
    truth = h @ maps[0].T + maps[1] + t * (h @ maps[2].T + maps[3])
    error = np.abs(dequantise(op.integer(x, dt), 11) - np.clip(truth, -16, 16))
    assert error.max() < (2e-3 if bits == 16 else 0.2)


def test_rows_share_a_shift_unless_that_costs_one_of_them_more_than_5_bits():
    reach, frac = np.full(4, 32768), np.full(4, 15)

    def shifts(last):
        weights = np.ones((2, 4)) * [[16.0], [last]]
        maps = (weights, np.zeros(2), weights, np.zeros(2))
        real = RealTimedMap(*maps, frac, reach, dt_frac=18, dt_reach=26214, out_frac=11, ends=(4,))
        return set(timed(real).shift.tolist())

    assert len(shifts(4.0)) == 1
    assert len(shifts(0.01)) == 2
