"""Comparisons, choices, extremes, fractions, and states that advance by a change."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.numbers.fixed import Interval, RangeError, whole
from elegans.exporter.ops.advance import Advance
from elegans.exporter.ops.choose import Choose
from elegans.exporter.ops.extremum import Extremum
from elegans.exporter.ops.fraction import Fraction
from elegans.exporter.ops.product import Product
from elegans.exporter.ops.within import Within
from elegans.tests.exporter.ops.grid import grid

_ENDS = [-32768, -32767, -256, -1, 0, 1, 255, 16384, 32767]


@pytest.mark.parametrize(("lo", "hi"), [(1, 32767), (0, 32767), (0, 0), (-1, 255)])
def test_a_comparison_gives_the_same_bits_everywhere_and_is_exact(everywhere, lo, hi):
    (x,) = grid(_ENDS)
    assert np.array_equal(everywhere(Within(lo, hi), x), (x >= lo) & (x <= hi))


def test_the_range_of_a_comparison_knows_what_cannot_be():
    x = Interval.of([5, -5, -5, 0], [9, -1, 0, 0])
    found = Within(0, 32767).range(x)
    assert (found.lo.tolist(), found.hi.tolist()) == ([1, 0, 0, 1], [1, 0, 1, 1])


def test_a_choice_gives_the_same_bits_everywhere_and_is_one_of_both(everywhere):
    a, b, c = grid(_ENDS, _ENDS, [0, 1])
    assert np.array_equal(everywhere(Choose(), a, b, c), np.where(c == 1, a, b))


def test_a_choice_by_anything_but_0_and_1_is_refused():
    one = Interval.of([0], [1])
    with pytest.raises(RangeError, match="neither 0 nor 1"):
        Choose().range(one, one, Interval.of([0], [2]))


@pytest.mark.parametrize("sign", [1, -1])
def test_an_extremum_gives_the_same_bits_everywhere(everywhere, sign):
    a, b = grid(_ENDS, _ENDS)
    found = everywhere(Extremum(sign), a, b)
    assert np.array_equal(found, np.maximum(a, b) if sign > 0 else np.minimum(a, b))


@pytest.mark.parametrize("frac", [0, 8, 15])
def test_a_fraction_gives_the_same_bits_everywhere(everywhere, frac):
    (x,) = grid([*_ENDS, 12345, -12345])
    assert np.array_equal(everywhere(Fraction(frac), x), x % (1 << frac))


@pytest.mark.parametrize("shift", [30, 16, 15])
def test_a_product_of_any_two_vectors_gives_the_same_bits_everywhere(everywhere, shift):
    everywhere(Product(shift), *grid(_ENDS, _ENDS))


_UPPER, _LOWER = [-9000, -1, 0, 8191, 9000], [-32768, -1, 0, 32767]


@pytest.mark.parametrize("left", [0, 7, 14])
def test_a_state_that_advances_gives_the_same_bits_everywhere(everywhere, left):
    upper, lower, c = (v.T for v in grid(_UPPER, _LOWER, _ENDS))
    op = Advance(left, np.array([-8192]), np.array([9000]))
    found = everywhere(op, np.concatenate([upper, lower], axis=1), c)
    held = np.clip(whole(upper, lower) + (c << left), -8192 << 16, 9000 << 16)
    assert np.array_equal(whole(found[:, :1], found[:, 1:]), held)


def test_a_small_change_is_never_lost():
    op, h, c = Advance(0, np.array([-16384]), np.array([16384])), np.zeros((1, 2), np.int64), 3
    for _ in range(5_000):
        h = np.concatenate(op.integer(h, np.array([[c]])), axis=1)
    assert whole(h[0, 0], h[0, 1]) == 15_000


def test_a_state_whose_change_could_leave_int32_is_refused():
    h = Interval.of([-20000, -32768], [20000, 32767])
    op = Advance(16, np.array([-20000]), np.array([20000]))
    with pytest.raises(RangeError, match="int32"):
        op.range(h, Interval.of([-20000], [20000]))
    with pytest.raises(RangeError, match="least int16"):
        Advance(0, np.array([-32768]), np.array([5])).range(h, Interval.of([0], [1]))
