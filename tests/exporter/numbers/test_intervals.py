"""Intervals of vectors: each operator gives the least and the greatest of all that can occur."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    INT32_MIN,
    Interval,
    RangeError,
    halves,
    hull_intervals,
    join_intervals,
    product,
    rdiv,
    rshr,
    rshr_by,
    saturate,
    whole,
)
from elegans.exporter.numbers.sparse_matrix import SparseMatrix

_ENDS = st.tuples(st.integers(-9, 9), st.integers(-9, 9)).map(sorted)
_PAIRS = st.lists(_ENDS, min_size=2, max_size=2)
_WEIGHTS = st.lists(st.lists(st.integers(-5, 5), min_size=2, max_size=2), min_size=3, max_size=3)


def _interval(ends):
    return Interval.of(*np.array(ends, np.int64).reshape(-1, 2).T)


def _values(interval):
    """Every vector of an interval of two elements, [n, 2]."""
    ends = zip(interval.lo.tolist(), interval.hi.tolist(), strict=True)
    return np.array(list(itertools.product(*(range(lo, hi + 1) for lo, hi in ends))))


def _is_least(found, values):
    np.testing.assert_array_equal(found.lo, values.min(axis=0))
    np.testing.assert_array_equal(found.hi, values.max(axis=0))


@given(_PAIRS, _WEIGHTS)
def test_a_map_of_an_interval_is_as_narrow_as_what_can_occur(ends, weights):
    x, weights = _interval(ends), np.array(weights)
    values = _values(x) @ weights.T
    for w in (weights, SparseMatrix.of(weights)):
        _is_least(product(x, w), values)
    _is_least(x @ Interval.of(weights.T, weights.T), values)


@given(_PAIRS, _PAIRS, st.integers(-9, 9))
def test_operators_take_constants_on_either_side(ends, others, n):
    x, values = _interval(ends), _values(_interval(ends))
    for found, all_of_them in (
        (n + x, n + values),
        (x + n, n + values),
        (n - x, n - values),
        (x - n, values - n),
        (n * x, n * values),
        (x * np.array([n, 3]), values * [n, 3]),
        (x >> Interval.of([1, 2], [1, 2]), values >> [1, 2]),
        (x.clip(np.array([-3, n]), 9), values.clip([-3, n], 9)),
        (x.clip(-9, np.array([-3, n])), values.clip(-9, [-3, n])),
        (saturate(x * 10_000), saturate(values * 10_000)),
        (rshr(x, np.array([1, 3])), rshr(values, np.array([1, 3]))),
        (x[np.array([1])], values[:, [1]]),
        (abs(x), abs(values)),
        (x.image(lambda v: v**3), values**3),
    ):
        _is_least(found, all_of_them)
    np.testing.assert_array_equal(x.reach(), np.abs(values).max(axis=0))
    other = _interval(others)
    both = np.concatenate([values, _values(other)])
    _is_least(x.hull(other), both)
    _is_least(hull_intervals([x, other, x]), both)
    assert x.within(other) == all(v.tolist() in _values(other).tolist() for v in values)
    assert x.within(x)
    joined = join_intervals([x, other])
    assert (joined.lo.tolist(), joined.hi.tolist()) == (
        [*x.lo.tolist(), *other.lo.tolist()],
        [*x.hi.tolist(), *other.hi.tolist()],
    )


@given(_PAIRS, st.tuples(st.integers(1, 9), st.integers(1, 9)).map(sorted))
def test_a_quotient_is_as_narrow_as_what_can_occur(ends, divisors):
    x, (least, most) = _interval(ends), divisors
    quotients = [_values(x) // b for b in range(least, most + 1)]
    _is_least(x // Interval.of([least] * 2, [most] * 2), np.concatenate(quotients))


@given(_ENDS, st.lists(st.integers(-99, 99), min_size=19, max_size=19), st.integers(0, 9))
def test_a_lookup_gives_the_least_and_the_greatest_entry_that_it_can_reach(ends, table, more):
    table = np.array(table)
    index = _interval([ends, [0, 0]]) + 9
    found = Interval.of(table, table + more)[index]
    reached = table[ends[0] + 9 : ends[1] + 10]
    assert found.lo.tolist() == [reached.min(), table[9]]
    assert found.hi.tolist() == [reached.max() + more, table[9] + more]


@given(st.integers(0, 3), st.integers(0, 3), st.integers(-99, 99))
def test_a_shift_that_lies_in_an_interval_is_looked_up(least, more, a):
    n = np.arange(least, least + more + 1)
    assert rshr_by(np.full(len(n), a), n).tolist() == [rshr(np.int64(a), int(k)) for k in n]


@given(st.integers(-(2**30), 2**30), st.integers(1, 2**16))
def test_a_quotient_rounds_half_up(a, b):
    assert int(rdiv(np.int64(a), np.int64(b))) == (2 * a + b) // (2 * b)


def test_a_mask_leaves_what_it_has_room_for():
    found = Interval.of([-5, 700], [3, 900]) & 1023
    assert (found.lo.tolist(), found.hi.tolist()) == ([0, 0], [1023, 1023])


def test_bounds_are_all_of_int32_and_no_more():
    ends = Interval.of([INT32_MIN, 5], [INT32_MAX, 5])
    assert (ends.lo[0], ends.hi[0]) == (-(2**31), 2**31 - 1)
    assert Interval.of([], []).reach().shape == (0,)
    for lo, hi, reach in (
        ([0, INT32_MIN - 1], [0, 0], 2147483649),
        ([0, 0], [INT32_MAX + 1, 0], 2147483648),
        ([INT32_MAX + 7], [INT32_MAX + 9], 2147483656),
    ):
        with pytest.raises(RangeError, match=f"reaches {reach}, int32 ends at 2147483647"):
            Interval.of(lo, hi)
    with pytest.raises(ValueError, match="above"):
        Interval.of([0, 3], [0, 2])


def test_a_divisor_that_can_be_zero_is_refused_in_any_element():
    x = Interval.of([6, 6], [7, 7])
    with pytest.raises(RangeError, match="a divisor can be 0"):
        x // Interval.of([5, 0], [9, 9])
    found = x // Interval.of([1, 2], [2, 7])
    assert (found.lo.tolist(), found.hi.tolist()) == ([3, 0], [7, 3])


@given(st.tuples(*[st.integers(-(2**31) + 2**15, 2**31 - 1 - 2**15)] * 2).map(sorted))
def test_halves_of_an_interval_are_those_of_its_ends_and_any_int16(ends):
    upper, lower = halves(Interval.of(ends[:1], ends[1:]))
    assert (int(upper.lo[0]), int(upper.hi[0])) == tuple((a + 2**15) >> 16 for a in ends)
    assert (lower.lo.tolist(), lower.hi.tolist()) == ([INT16_MIN], [INT16_MAX])
    both = Interval.of([-3], [4]), Interval.of([-32768], [99])
    found = whole(*both)
    assert (found.lo.tolist(), found.hi.tolist()) == ([-3 * 65536 - 32768], [4 * 65536 + 99])
