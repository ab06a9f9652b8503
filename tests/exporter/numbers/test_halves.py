"""32-bit integers as two of 16: any two halves make one whole, and the whole its halves."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.numbers.fixed import (
    INT16_MAX,
    INT16_MIN,
    INT32_MAX,
    INT32_MIN,
    Interval,
    halves,
    rshr_by,
    whole,
)

_HALF = 1 << 15
_WIDE = st.integers(INT32_MIN + _HALF, INT32_MAX - _HALF)


@given(_WIDE)
def test_halves_are_int16_and_make_the_whole_again(a):
    upper, lower = halves(np.array([a]))
    assert INT16_MIN <= upper[0] <= INT16_MAX
    assert INT16_MIN <= lower[0] <= INT16_MAX
    assert whole(upper, lower)[0] == a


@given(st.integers(INT16_MIN, INT16_MAX), st.integers(INT16_MIN, INT16_MAX))
def test_any_two_halves_come_back_from_their_whole(upper, lower):
    found = halves(whole(np.array([upper]), np.array([lower])))
    assert [int(part[0]) for part in found] == [upper, lower]


@given(st.tuples(_WIDE, _WIDE).map(sorted), st.floats(0, 1))
def test_halves_of_an_interval_hold_those_of_each_of_its_integers(ends, at):
    a = np.array([ends[0] + int(at * (ends[1] - ends[0]))])
    bounds = Interval.of([ends[0]], [ends[1]]).halves()
    for part, bound in zip(halves(a), bounds, strict=True):
        assert bound.lo[0] <= part[0] <= bound.hi[0]


@given(st.integers(-(2**30), 2**30), st.integers(0, 30))
def test_a_shift_that_is_a_value_rounds_half_up(a, n):
    assert rshr_by(np.array([a]), np.array([n]))[0] == (a + ((1 << n) >> 1)) >> n
