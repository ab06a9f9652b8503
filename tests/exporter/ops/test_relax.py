"""A leaky integrator and an LSTM's cell in 32 bits: their hulls, their digits, no drift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elegans.exporter.numbers.fixed import Interval, RangeError, halves, whole
from elegans.exporter.ops.lstm_cell import LstmCell
from elegans.exporter.ops.relax import Relax
from elegans.tests.exporter.ops.grid import grid

_UPPER = st.integers(-32767, 32767)
_LOWER = st.integers(-32768, 32767)
_SHARE = st.tuples(st.integers(0, 32767), st.integers(0, 17))
_ENDS = [-32767, -16384, -1, 0, 1, 16383, 32767]
_LOW = [-32768, -1, 0, 32767]
_GATES = [0, 1, 16384, 32767]
_LSTM_ENDS = [-32768, -1, 0, 1, 32767]


def _relax(h, g, share):
    n = len(np.atleast_1d(g))
    parts = Relax(n).integer(*(np.array(a, dtype=np.int64).ravel() for a in (h, g, share)))
    return np.array(parts)


def test_relaxing_gives_the_same_bits_everywhere(everywhere):
    upper, lower, g, m, e = grid(_ENDS, _LOW, _ENDS, _GATES, [0, 1, 8, 16, 17])
    h, s = (np.concatenate(pair, axis=1) for pair in ((upper, lower), (m, e)))
    everywhere(Relax(upper.shape[1]), h, g, s)


@given(_UPPER, _LOWER, _UPPER, _SHARE)
@settings(max_examples=1000)
def test_the_upper_half_never_leaves_the_hull_of_its_old_value_and_the_goal(upper, lower, g, share):
    found, left = _relax((upper, lower), g, share)
    assert min(upper, g) <= found[0] <= max(upper, g)
    assert -32768 <= left[0] <= 32767


@given(_UPPER, _LOWER, _UPPER, st.integers(0, 17))
def test_a_share_of_zero_moves_no_bit(upper, lower, g, e):
    assert _relax((upper, lower), g, (0, e)).ravel().tolist() == [upper, lower]


@given(_UPPER, _LOWER, _UPPER, _SHARE)
def test_the_change_is_the_real_one_within_two_of_the_lowest_units(upper, lower, g, share):
    m, e = share
    change = whole(*_relax((upper, lower), g, share))[0] - whole(upper, lower)
    assert abs(change - m * (g - upper) * 2.0 ** (1 - e)) <= 1


def test_a_million_steps_reach_the_goal_and_then_stay_within_a_unit_of_the_upper_half():
    """As long as the upper half is not g it moves; then nothing moves it any more."""
    g = np.array([-32767, -20000, -1, 0, 1, 12345, 32767])
    m, e = (a.ravel() for a in np.meshgrid([1 << 14, 23170, 32767], [2, 9, 11]))
    goal, m = (a.ravel() for a in np.broadcast_arrays(g[:, None], m))
    e = np.tile(e, len(g))
    op, share = Relax(len(goal)), np.concatenate([m, e])
    h = np.concatenate([-goal, 0 * goal])
    still = False
    for _ in range(1_000_000):
        before, h = h, np.concatenate(op.integer(h, goal, share))
        still = np.array_equal(before, h)  # a fixed point: all further steps are this one
        if still:
            break
    assert still
    np.testing.assert_array_equal(h[: len(goal)], goal)


def test_a_state_follows_a_million_steps_of_a_slow_leak_without_a_drift(repeat):
    """dt / tau = 1e-6 for 1,000,000 steps: 1 - 1/e of the way, within 2^-12 of the range."""
    g = np.array([-32767, -16384, -100, 100, 9999, 32767])
    share = 1e-6
    e = int(np.floor(-np.log2(share))) - 1
    e = min(e, 17)
    m = round(share * 2.0 ** (15 + e))
    exact = m * 2.0 ** (-15 - e)
    h = repeat(Relax(6), np.zeros(12, np.int64), g, np.repeat([m, e], 6))
    found = whole(h[:6], h[6:]) / 65536
    truth = g * -np.expm1(1e6 * np.log1p(-exact))
    assert np.abs(found - truth).max() <= 32768 * 2.0**-12


def test_a_share_beyond_its_format_and_the_least_int16_are_refused():
    h, g = Interval.of([-9, -32768], [9, 32767]), Interval.of([-5], [5])
    op = Relax(1)
    assert op.range(h, g, Interval.of([0, 0], [32767, 17]))[0].within(Interval.of([-9], [9]))
    for share in (([-1, 0], [9, 0]), ([0, 0], [32768, 0]), ([0, 0], [9, 18]), ([0, -1], [9, 0])):
        with pytest.raises(RangeError, match="share"):
            op.range(h, g, Interval.of(*share))
    with pytest.raises(RangeError, match="least int16"):
        op.range(h, Interval.of([-32768], [5]), Interval.of([0, 0], [32767, 17]))


def _cells(align=4, most=32000):
    upper, lower, m, e, i, g = grid(
        [-most, -1, 0, 1, most],
        [-32768, 0, 32767],
        _GATES,
        [0, 9, 17],
        [0, 16384, 32767],
        _LSTM_ENDS,
    )
    c, s = (np.concatenate(pair, axis=1) for pair in ((upper, lower), (m, e)))
    return LstmCell(upper.shape[1], align, most), c, s, i, g


@pytest.mark.parametrize(("align", "most"), [(2, 16384), (4, 30000), (14, 32600)])
def test_the_lstm_cell_gives_the_same_bits_everywhere(everywhere, align, most):
    everywhere(*_cells(align, most))


def test_the_lstm_cell_saturates_at_most_and_never_wraps():
    op, c, s, i, g = _cells(4, 30000)
    upper, _ = op.integer(c, s, i, g)
    assert (upper.min(), upper.max()) == (-30000, 30000)
    full = np.array([32767])
    kept = np.array([0, 0])
    one = LstmCell(1, 4, 30000)
    for sign in (1, -1):
        found = one.integer(np.array([sign * 30000, 0]), kept, full, sign * full)
        assert found[0][0] == sign * 30000


@given(st.integers(-30000, 30000), _LOWER, _SHARE)
def test_an_lstm_cell_forgets_of_both_halves_within_two_of_the_lowest_units(upper, lower, share):
    zero = np.array([0])
    found = LstmCell(1, 4, 30001).integer(np.array([upper, lower]), np.array(share), zero, zero)
    c = float(whole(upper, lower))
    truth = c - c * share[0] * 2.0 ** (-15 - share[1])
    assert abs(whole(*found)[0] - truth) <= 2


def test_the_lower_half_of_an_lstm_cell_decays_too():
    """Half of 20000 is forgotten in each step, although the upper half is zero."""
    zero, found = np.array([0]), np.array([0, 20000])
    for expected in (10000, 5000, 2500):
        parts = LstmCell(1, 4, 30000).integer(found, np.array([16384, 0]), zero, zero)
        found = np.concatenate(parts)
        assert found.tolist() == list(np.concatenate(halves(np.array([expected]))))


def test_an_lstm_cell_that_could_leave_int32_is_refused():
    c, s = Interval.of([-32767, -32768], [32767, 32767]), Interval.of([0, 0], [32767, 17])
    gate, g = Interval.of([0], [32767]), Interval.of([-32768], [32767])
    with pytest.raises(RangeError, match="reaches"):
        LstmCell(1, 0, 32767).range(c, s, gate, g)
    with pytest.raises(RangeError, match="share"):
        LstmCell(1, 4, 30000).range(c, Interval.of([0, 0], [1, 18]), gate, g)
