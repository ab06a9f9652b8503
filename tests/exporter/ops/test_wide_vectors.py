"""General arithmetic on vectors of 32 bits: products, quotients, sums, extremes, what comes in."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.numbers.fixed import Interval, RangeError
from elegans.exporter.ops import from_json, to_json
from elegans.exporter.ops.wide_advance import WideAdvance
from elegans.exporter.ops.wide_extremum import WideExtremum
from elegans.exporter.ops.wide_keep import WideKeep
from elegans.exporter.ops.wide_product import WideProduct
from elegans.exporter.ops.wide_quotient import WideQuotient
from elegans.exporter.ops.wide_sums import WideSums
from elegans.exporter.ops.wide_turn import WideTurn
from elegans.tests.exporter.ops.grid import grid

_UPPER, _LOWER = [-32767, -181, -1, 0, 1, 180, 32767], [-32768, -1, 0, 1, 32767]


def _halves(a):
    """[N, n] of 32-bit integers as halves [N, 2 n]."""
    upper = (a + (1 << 15)) >> 16
    return np.concatenate([upper, a - (upper << 16)], axis=1)


def _whole(halves):
    n = halves.shape[1] // 2
    return (halves[:, :n] << 16) + halves[:, n:]


def _pairs(most=32767):
    """Pairs of 32-bit integers [N, 1], of every magnitude and at the ends."""
    rng = np.random.default_rng(most)
    ends = [v for v in _UPPER if abs(v) <= most]
    grids = grid(ends, _LOWER, ends, _LOWER)
    a, b, c, d = (g.T for g in grids)
    top = (most << 16) + 32767
    scale = np.exp2(rng.uniform(0, np.log2(top), (2, 3000, 1)))
    some = (rng.uniform(-1, 1, (2, 3000, 1)) * scale).astype(np.int64)
    return (
        np.concatenate([(a << 16) + b, some[0]]),
        np.concatenate([(c << 16) + d, some[1]]),
    )


@pytest.mark.parametrize(
    ("most", "shift"), [(128, 0), (3000, 9), (32767, 15), (32767, 16), (9000, 30)]
)
def test_a_product_of_32_bits_is_exact_to_four_units(everywhere, most, shift):
    u, v = _pairs(most)
    op = WideProduct(1, shift)
    found = _whole(everywhere(op, _halves(u), _halves(v)))
    exact = u * v / 2.0 ** (16 + shift)
    assert np.abs(found - exact).max() <= 4
    assert to_json(from_json(to_json(op))) == to_json(op)


def test_a_product_that_could_leave_int32_is_refused():
    full = Interval.of([-32767, -32768], [32767, 32767])
    WideProduct(1, 15).range(full, full)
    with pytest.raises(RangeError, match="a product reaches"):
        WideProduct(1, 14).range(full, full)


@pytest.mark.parametrize("raised", [-3, 15, 24, 31])
def test_a_quotient_of_32_bits_has_fifteen_bits_of_any_divisor(everywhere, raised):
    n, d = _pairs()
    d = np.maximum(np.abs(d), 1)
    op = WideQuotient([raised], [-16384], [16384])
    found = _whole(everywhere(op, _halves(n), _halves(d)))
    exact = np.clip(n / d * 2.0**raised, -(2.0**30), 2.0**30)
    assert np.all(np.abs(found - exact) <= 0.5 + np.abs(exact) * 2.0**-14.5)
    assert to_json(from_json(to_json(op))) == to_json(op)


def test_a_quotient_by_nothing_is_one_by_a_unit():
    op = WideQuotient([0], [-16384], [16384])
    n = np.array([[5], [-5], [0]])
    found = [op.integer(_halves(n), _halves(np.full((3, 1), d))) for d in (-7, 0, 1)]
    for upper, lower in found:
        assert ((upper << 16) + lower)[:, 0].tolist() == [5, -5, 0]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_greater_and_the_lesser_of_32_bits_are_exact(everywhere, sign):
    a, b = _pairs()
    pick = np.maximum if sign > 0 else np.minimum
    for lo, hi in ((-32767, 32767), (-100, 32767), (-32767, 5000)):
        found = _whole(everywhere(WideExtremum(sign, [lo], [hi]), _halves(a), _halves(b)))
        np.testing.assert_array_equal(found, np.clip(pick(a, b), lo << 16, hi << 16))


@pytest.mark.parametrize(("wide", "shift"), [(0, 13), (2, 14), (5, 20), (7, 30)])
def test_sums_of_32_bits_are_exact_to_a_unit_of_their_accumulator(everywhere, wide, shift):
    rng = np.random.default_rng(shift)
    weights = rng.integers(-3000, 3001, (3, 7)) * (rng.random((3, 7)) < 0.7)
    weights[0], bias = 0, rng.integers(-(1 << 19), 1 << 19, 3)
    x = np.concatenate(
        [rng.integers(-900, 901, (50, 7)), rng.integers(-32768, 32768, (50, wide))], 1
    )
    x[:, 7:] = np.where(rng.random((50, wide)) < 0.3, -32768, x[:, 7:])
    coarse = rng.integers(-2, 3, (3, 7)) * (shift > 20)
    op = WideSums(weights, coarse, bias, np.full(3, shift), wide)
    found = _whole(everywhere(op, x))
    weights = weights + (coarse << 15)
    exact = x[:, :7] @ weights.T + bias + (x[:, 7:] @ weights[:, :wide].T) * 2.0**-16
    assert np.abs(found - exact * 2.0 ** (16 - shift)).max() <= 0.5 + 2.0 ** (16 - shift)
    assert to_json(from_json(to_json(op))) == to_json(op)


def test_sums_whose_result_could_leave_its_halves_are_refused():
    full = Interval.of([-32768] * 2, [32767] * 2)
    WideSums([[1 << 12]], [[0]], [0], [13], 1).range(full)
    with pytest.raises(RangeError, match="leaves int16"):
        WideSums([[1 << 13]], [[0]], [0], [13], 1).range(full)


@pytest.mark.parametrize(("left", "most"), [(0, (1 << 29) - 1), (-1, 1 << 20), (-30, 77)])
def test_what_comes_in_in_32_bits_gives_the_same_bits_everywhere(everywhere, left, most):
    few = [-32768, 0, 32767]
    upper, lower, u, c, below = (
        v.T for v in grid([-9000, 0, 9000], [-32768, 32767], few, [-32767, -5, 8191], few)
    )
    h, c = np.concatenate([upper, lower], 1), np.concatenate([c, below], 1)
    ends = np.array([-8192]), np.array([9000])
    everywhere(WideKeep(3, 2, left, *ends, most), h, u, c)
    everywhere(WideTurn(3, 2, left, *ends, most), h, u, h[::-1].copy(), u[::-1].copy(), c)
    everywhere(WideAdvance(left, *ends, most), h, c)


def test_what_comes_in_is_rounded_and_held():
    op = WideAdvance(-3, np.array([-16384]), np.array([16384]), 1000)
    h = np.zeros((5, 2), np.int64)
    c = _halves(np.array([[4], [3], [-4], [-5], [1 << 20]]))
    upper, lower = op.integer(h, c)
    assert ((upper << 16) + lower)[:, 0].tolist() == [1, 0, 0, -1, 1000]
