"""Shares with the digits of what they are made from: of time, of decay, of gates."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.atoms.time import scaled_rates
from elegans.exporter.numbers.fixed import Interval, RangeError
from elegans.exporter.ops.decay_share import LONGEST, DecayShare
from elegans.exporter.ops.elapsed import Elapsed
from elegans.exporter.ops.gate_share import FRAC, GAIN, GateShare
from elegans.exporter.ops.rest_share import RestShare
from elegans.exporter.ops.time_share import MOST_EXPONENT, TimeShare

_LONG = (1 << 31) - 1
_SHORTEST = 2.0**-33  # half a unit of a mantissa with the greatest exponent
_ALL = np.arange(-(1 << 15), 1 << 15, dtype=np.int64)
_EDGES = [(0, 31), (1 << 14, 0), (16385, 3), (32767, 0), (32767, 17), (20000, 30)]
_MANTISSAS = np.array([0, 1, 16384, 23170, 32767])


def _rates(least):
    """Every kind of mantissa with every exponent from `least` on."""
    shifts = np.arange(least, 128)
    return np.repeat(_MANTISSAS, len(shifts)), np.tile(shifts, len(_MANTISSAS))


def _value(parts):
    m, e = parts
    return np.ldexp(m.astype(float), -15 - e)


def _of_times(kind, ratio, dt):
    """A share for each dt / tau, found from an integer time of any length: [N]."""
    rate, shift = scaled_rates(ratio / dt, 0)
    shift = shift - 15 + (LONGEST if kind is DecayShare else 0)
    times = np.stack(Elapsed(0, _LONG).integer(dt), axis=-1)
    found = np.empty(len(dt))
    for exponent in np.unique(times[:, 1]):  # the ops take one time for all rates
        of = np.flatnonzero(times[:, 1] == exponent)
        for t in np.unique(times[of], axis=0):
            same = of[times[of, 0] == t[0]]
            found[same] = _value(kind(rate[same], shift[same]).integer(t))
    return found


def _random_times(rng, lo, hi):
    """Ratios dt / tau, evenly spread over decades, with 1,000 times of any length."""
    times = np.floor(2.0 ** rng.uniform(0, 31, 1000)).astype(np.int64)
    return 10 ** rng.uniform(np.log10(lo), np.log10(hi), 100_000), rng.choice(times, 100_000)


@pytest.mark.parametrize("time", _EDGES, ids=str)
def test_shares_of_time_have_the_same_bits_everywhere(everywhere, time):
    everywhere(TimeShare(*_rates(-1 - time[1])), np.array([time]))
    everywhere(DecayShare(*_rates(-128)), np.array([time]))


def test_a_share_of_time_is_relatively_exact_from_a_millionth_to_one():
    ratio, dt = _random_times(np.random.default_rng(1), 1e-6, 0.9999)
    error = np.abs(_of_times(TimeShare, ratio, dt) - ratio)
    assert np.all(error <= ratio * 2.0**-12.7 + _SHORTEST)


def test_a_share_of_time_above_one_half_may_come_from_two_small_mantissas():
    """0.75 of a time and a rate of 1.2: the product of the mantissas is below 2^14."""
    rate, shift = scaled_rates(np.array([1.2]), 31)
    t = np.concatenate(Elapsed(0, _LONG).integer(np.array([3 << 29])))
    assert shift[0] + t[1] == 14
    found = _value(TimeShare(rate, shift - 15).integer(t))
    assert abs(found[0] - 0.9) < 2.0**-13


def test_a_share_of_decay_is_relatively_exact_from_a_millionth_to_one():
    ratio, dt = _random_times(np.random.default_rng(2), 1e-6, 1.0)
    truth = -np.expm1(-ratio)
    error = np.abs(_of_times(DecayShare, ratio, dt) - truth)
    assert np.all(error <= truth * 2.0**-12 + _SHORTEST)


def test_a_share_of_decay_is_within_3_5_units_from_one_time_constant_on_and_2_from_two():
    for lo, hi, units in ((1.0, 2.0, 3.5), (2.0, 16.0, 2.0), (16.0, 1e6, 1.0)):
        ratio, dt = _random_times(np.random.default_rng(3), lo, hi)
        error = np.abs(_of_times(DecayShare, ratio, dt) + np.expm1(-ratio))
        assert error.max() * 32768 <= units, lo


def test_a_longer_time_makes_no_share_smaller_by_more_than_2_to_minus_11_of_it():
    """Neighbouring parabolas, and mantissas of neighbouring octaves, meet within their error."""
    time = np.unique(np.floor(2.0 ** np.linspace(0, 31, 20_000)).astype(np.int64))[:-1]
    parts = np.stack(Elapsed(0, _LONG).integer(time), axis=-1)
    for kind, rate in ((TimeShare, 2.0**-31), (DecayShare, 3.3e-8)):
        m, k = scaled_rates(np.array([rate]), 0)
        op = kind(m, k - 15 + (LONGEST if kind is DecayShare else 0))
        found = _value(op.integer(parts))[:, 0]
        most = np.maximum.accumulate(found)
        assert np.all(found >= most * (1 - 2.0**-11) - _SHORTEST), kind


@pytest.mark.parametrize("kind", [TimeShare, DecayShare])
def test_no_time_and_no_rate_give_no_share(kind):
    rates = np.array([0, 32767, 16384]), np.array([0, 0, 100])
    assert not kind(*rates).integer(np.array([0, 31]))[0].any()
    assert kind(*rates).integer(np.array([32767, 0]))[0][0] == 0


def test_a_share_of_time_that_could_exceed_one_is_refused():
    t = Interval.of([0, 3], [32767, 31])
    TimeShare([16384], [-4]).range(t)
    with pytest.raises(RangeError, match="exceed 1"):
        TimeShare([16384], [-5]).range(t)


def test_every_argument_gives_the_same_share_of_a_gate_everywhere(everywhere):
    everywhere(GateShare(4096), _ALL.reshape(16, 4096))


def test_a_share_of_a_gate_is_relatively_exact_however_far_it_is_closed():
    truth = 1 / (1 + np.exp(_ALL / (GAIN * (1 << FRAC))))
    found = _value(GateShare(len(_ALL)).integer(_ALL))
    open_wide = _ALL < 0
    error = np.abs(found - truth)
    assert np.all(error[~open_wide] <= truth[~open_wide] * 2.0**-13 + _SHORTEST)
    assert error[open_wide].max() * 32768 <= 1.5


def test_a_share_of_a_gate_falls_with_its_argument_and_is_never_nothing():
    m, e = GateShare(len(_ALL)).integer(_ALL)
    assert m.min() == 1
    assert e.max() == MOST_EXPONENT
    assert np.diff(_value((m, e))).max() <= 0


@pytest.mark.parametrize("keep", [0, 1])
def test_what_a_gate_leaves_has_the_same_bits_everywhere(everywhere, keep):
    t = np.arange(1 << 15).reshape(8, 4096)
    found = everywhere(RestShare(4096, keep), t)
    share = np.minimum(32768 - t if keep else t, 32767)
    np.testing.assert_array_equal(found, np.concatenate([share, 0 * t], axis=1))
