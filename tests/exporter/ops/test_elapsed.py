"""Elapsed time as mantissa and exponent, in 16 bits, and in a time gate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.numbers.fixed import Interval, RangeError
from elegans.exporter.ops.elapsed import Elapsed
from elegans.exporter.ops.elapsed_gate import ElapsedGate
from elegans.exporter.ops.short_time import ShortTime
from elegans.tests.exporter.ops.grid import grid

_MOST = (1 << 31) - 1
_POWERS = [1 << k for k in range(31)]
_TIMES = np.array(
    sorted(
        {-(1 << 31), -1, 0, _MOST, *_POWERS, *(p - 1 for p in _POWERS), *(p + 1 for p in _POWERS)}
    )
)[:, None]
_RANGES = [(0, _MOST), (0, 0), (1, 1), (1000, 1 << 20), (_MOST, _MOST), (0, 32767)]


@pytest.mark.parametrize(("lo", "hi"), _RANGES)
def test_elapsed_time_has_the_same_bits_everywhere(everywhere, lo, hi):
    everywhere(Elapsed(lo, hi), _TIMES)


@pytest.mark.parametrize(("lo", "hi"), _RANGES)
def test_a_short_time_has_the_same_bits_everywhere(everywhere, lo, hi):
    everywhere(ShortTime(lo, hi), _TIMES)


@given(st.integers(0, 30).flatmap(lambda k: st.integers(1 << k, (2 << k) - 1)))
def test_a_mantissa_loses_less_than_2_to_minus_14_of_any_time(dt):
    m, e = (int(part[0]) for part in Elapsed(0, _MOST).integer(np.array([dt])))
    assert 1 << 14 <= m < 1 << 15
    assert 0 <= e <= 30
    assert 0 <= dt - m * 2.0 ** (16 - e) < dt * 2.0**-14


def test_powers_of_two_and_times_of_15_bits_are_exact():
    dt = np.array([*_POWERS, *range(1, 32768)])
    m, e = Elapsed(0, _MOST).integer(dt)
    np.testing.assert_array_equal(np.ldexp(m.astype(float), 16 - e), dt)


def test_no_time_has_no_mantissa():
    assert [int(part[0]) for part in Elapsed(0, _MOST).integer(np.array([0]))] == [0, 31]


@given(st.integers(-(1 << 31), _MOST), st.tuples(*[st.integers(0, _MOST)] * 2).map(sorted))
def test_a_short_time_is_within_half_a_unit_and_never_outside_of_int16(dt, ends):
    found = int(ShortTime(*ends).integer(np.array([dt]))[0])
    held = min(max(dt, ends[0]), ends[1])
    assert found == min((held + (1 << 15)) >> 16, 32767)


@pytest.mark.parametrize(("align", "shift"), [(0, 0), (15, 0), (14, 3), (5, 15), (0, 30), (15, 30)])
def test_the_elapsed_gate_gives_the_same_bits_everywhere(everywhere, align, shift):
    ends = [-32768, -1, 0, 1, 32767]
    a, b = grid(ends, ends)
    for m, e in ((0, 31), (1 << 14, 0), (32767, 0), (32767, 7), (20000, 30)):
        everywhere(ElapsedGate(align, shift), a, b, np.array([[m, e]]))


def test_an_elapsed_gate_whose_shift_is_too_great_is_refused():
    any16, t = Interval.of([-32768], [32767]), Interval.of([0, 0], [32767, 31])
    for shift in (-1, 31):
        with pytest.raises(RangeError, match="shifted"):
            ElapsedGate(0, shift).range(any16, any16, t)


def test_a_great_drive_and_its_opposite_cancel_before_anything_saturates():
    """z = 0 for b = -20000 * 2^5 and a m = 20000 * 2^5."""
    args = np.array([20000]), np.array([-20000]), np.array([1 << 14, 0])
    assert ElapsedGate(5, 9).integer(*args)[0] == 0
