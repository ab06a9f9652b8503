"""Disturbances do what their names say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.data.recordings.time_series import TimeSeries
from elegans.trainer.robustness.effects import (
    DISTURBANCES,
    STRENGTHS,
    disturbed,
    effect,
    lost,
    moved_times,
)

_SAMPLES, _SENSORS = 400, 3
_CENTRE, _SPREAD = np.array([0.0, 5.0, -2.0]), np.array([1.0, 0.5, 2.0])


def _series():
    random = np.random.default_rng(1)
    t = np.cumsum(random.uniform(0.02, 0.08, _SAMPLES))
    x = _CENTRE + _SPREAD * random.standard_normal((_SAMPLES, _SENSORS))
    x[7, 1] = np.nan
    return TimeSeries("a", t, x, np.arange(_SAMPLES, dtype=float)[:, None])


def _under(name, strength, place=0):
    one = _series()
    return one, disturbed(one, effect(name, strength, len(one), _SENSORS, place), _CENTRE, _SPREAD)


def test_every_disturbance_has_rising_strengths():
    assert STRENGTHS.keys() == DISTURBANCES.keys()
    for strengths in STRENGTHS.values():
        assert strengths[0] > 0
        assert list(strengths) == sorted(set(strengths))


@pytest.mark.parametrize("name", DISTURBANCES)
def test_strength_zero_changes_nothing(name):
    one, found = _under(name, 0.0)
    for a, b in ((one.t, found.t), (one.x, found.x), (one.y, found.y)):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", DISTURBANCES)
def test_a_strength_changes_something_and_times_stay_in_order(name):
    one, found = _under(name, STRENGTHS[name][0])
    same = found.x.shape == one.x.shape and np.array_equal(found.x, one.x, equal_nan=True)
    assert not (same and np.array_equal(found.t, one.t))
    assert (np.diff(found.t) > 0).all()


@pytest.mark.parametrize("name", DISTURBANCES)
def test_the_draws_depend_on_the_name_and_the_place_alone(name):
    strength = STRENGTHS[name][-1]
    first, again = _under(name, strength)[1], _under(name, strength)[1]
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.t, again.t)
    if name not in ("delay", "slow clock", "bias"):
        other = _under(name, strength, place=1)[1]
        assert other.x.shape != first.x.shape or not np.array_equal(other.x, first.x)


def test_noise_bias_and_drift_are_in_spreads_of_each_sensor():
    off = {name: _under(name, 0.5) for name in ("noise", "bias", "drift")}
    units = {name: (b.x - a.x) / _SPREAD for name, (a, b) in off.items()}
    assert np.nanstd(units["noise"], axis=0) == pytest.approx([0.5] * 3, rel=0.1)
    bias = np.abs(units["bias"])
    assert bias[np.isfinite(bias)] == pytest.approx(0.5)
    assert np.abs(units["drift"][0]) == pytest.approx([0.0] * 3)
    assert np.abs(units["drift"][-1]) == pytest.approx([0.5] * 3)


def test_dropout_puts_the_mean_in_place_of_a_share_of_the_values():
    one, found = _under("dropout", 0.4)
    gone = found.x == _CENTRE
    assert gone.mean() == pytest.approx(0.4, abs=0.05)
    kept = ~gone & np.isfinite(one.x)
    np.testing.assert_allclose(found.x[kept], one.x[kept])


def test_a_delay_shows_the_values_of_so_many_samples_before():
    one, found = _under("delay", 4.0)
    np.testing.assert_array_equal(found.x[4:], one.x[:-4])
    np.testing.assert_array_equal(found.y, one.y)


def test_a_slow_clock_tells_too_little_time():
    one, found = _under("slow clock", 0.8)
    np.testing.assert_allclose(np.diff(found.t), 0.2 * np.diff(one.t))


def test_gaps_take_whole_stretches_and_leave_the_rest_as_it_was():
    one, found = _under("gaps", 12.0)
    kept = found.y[:, 0].astype(int)
    np.testing.assert_array_equal(found.x, one.x[kept])
    holes = np.diff(kept)[np.diff(kept) > 1] - 1
    assert len(holes) >= _SAMPLES // 60 - 1
    assert (holes == 12).all()


@pytest.mark.parametrize("name", ["gaps", "jitter"])
def test_a_run_of_one_sample_keeps_it(name):
    one = _series().part(0, 1)
    found = disturbed(one, effect(name, STRENGTHS[name][-1], 1, 3, 0), _CENTRE, _SPREAD)
    assert len(found) == 1


@given(
    st.lists(st.floats(0.001, 10.0), min_size=3, max_size=30),
    st.floats(0.0, 1.0),
    st.integers(0, 2**31),
)
def test_moved_times_stay_in_order(steps, share, seed):
    t = np.cumsum(steps)
    move = share * (np.random.default_rng(seed).random(len(t)) - 0.5)
    assert (np.diff(moved_times(t, 0.99 * move)) > 0).all()


def test_what_is_lost_at_a_low_share_is_lost_at_a_high_one_and_the_first_sample_never_is():
    few, many = lost(0.5, 10_000, 3), lost(0.9, 10_000, 3)
    assert few.mean() == pytest.approx(0.5, abs=0.02)
    assert many.mean() == pytest.approx(0.9, abs=0.02)
    assert (many | ~few).all()
    assert not many[0]
    assert not lost(0.0, 100, 3).any()
