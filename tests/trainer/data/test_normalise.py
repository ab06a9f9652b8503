"""Statistics come from the training part alone; missing values get a mask and an age."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from elegans.exporter.data.recordings.missing import filled
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.ir.interface import from_metadata, to_metadata
from elegans.trainer.data.arrays import from_arrays
from elegans.trainer.data.augment import Augmentation, augmented, parse_augmentation
from elegans.trainer.data.normalise import clipped, learn_normalisation, outward
from elegans.trainer.data.split import split
from elegans.trainer.data.windows import WindowPlan

NONE = Augmentation()


def _learned(x, y, t=None, augmentation=NONE, **names):
    data = from_arrays(x, y, t, **names)
    parts = split(data)
    return learn_normalisation(data, parts.training, augmentation), data, parts


def test_the_test_part_does_not_change_the_statistics():
    x = np.random.default_rng(0).normal(3.0, 2.0, (200, 2))
    far = x.copy()
    far[140:] += 1000.0
    y = np.sin(np.arange(200.0))
    units, _, _ = _learned(x, y)
    assert np.array_equal(_learned(far, y)[0].centre, units.centre)
    assert np.allclose(units.centre, x[:140].mean(axis=0))
    assert np.allclose(units.spread, x[:140].std(axis=0))
    for signal, low, high in zip(
        units.signals, x[:140].min(axis=0), x[:140].max(axis=0), strict=True
    ):
        assert signal.range[0] < low < high < signal.range[1]


def test_names_units_and_ranges_go_into_the_metadata_and_come_back():
    x = np.random.default_rng(0).random((100, 2))
    x[5, 0] = np.nan
    units, data, _ = _learned(
        x,
        np.sin(np.arange(100.0)),
        inputs=[("temp 1", "degC"), ("p", "hPa")],
        targets=[("torque", "Nm")],
    )
    interface = units.interface("mine", data)
    assert from_metadata(to_metadata(interface), "x", 4, 1) == interface
    assert [(s.name, s.unit) for s in interface.inputs] == [
        ("temp_1", "degC"),
        ("p", "hPa"),
        ("temp_1_seen", "1"),
        ("temp_1_age", "s"),
    ]
    assert (interface.outputs[0].name, interface.outputs[0].unit) == ("torque", "Nm")


def test_a_channel_too_far_from_zero_for_float32_is_refused():
    x = 1.7e9 + np.random.default_rng(0).random((100, 1))
    with pytest.raises(ElegansError, match="which float32 hardly tells apart; subtract an offset"):
        _learned(x, np.sin(np.arange(100.0)))


def test_constant_and_missing_channels_are_told():
    x = np.random.default_rng(0).random((100, 2))
    x[:, 1] = 7.0
    x[::4, 0] = np.nan
    units, data, _ = _learned(x, np.sin(np.arange(100.0)))
    assert any("x1: is 7 in the whole training part" in note for note in data.notes)
    assert any("x0: 25.7% of its values are missing" in note for note in data.notes)
    assert units.masked == (0,)
    assert units.spread[1] == 1.0


@settings(max_examples=50)
@given(st.lists(st.one_of(st.none(), st.floats(-9, 9)), min_size=1, max_size=12))
def test_a_missing_value_is_the_last_one_with_its_age(values):
    x = np.array([[np.nan if v is None else v] for v in values])
    t = np.cumsum(np.arange(1.0, len(x) + 1))
    found = filled(t, x, np.array([42.0]), (0,))
    last, since = 42.0, t[0]
    for k, value in enumerate(values):
        if value is not None:
            last, since = value, t[k]
        assert found[k].tolist() == [last, float(value is not None), t[k] - since]


@settings(max_examples=100)
@given(st.floats(-1e4, 1e4, allow_subnormal=False), st.floats(1, 1e6))
@example(0.09, 1.35)
def test_rounded_ranges_contain_what_they_are_of(low, width):
    lo, hi = outward(low, low + width)
    assert lo <= low
    assert hi >= low + width
    assert hi - lo <= width * 1.21 + 1e-9 * abs(low)
    inside = clipped(
        np.array([low - 1, low, low + width, low + 2 * width]), np.array(lo), np.array(hi)
    )
    assert (inside.astype(np.float64) >= lo).all()
    assert (inside.astype(np.float64) <= hi).all()


def test_the_range_of_elapsed_time_starts_above_zero_and_grows_with_lost_samples():
    x, y = np.random.default_rng(0).random((100, 1)), np.sin(np.arange(100.0))
    plain = _learned(x, y, 0.01)[0].dt.range
    lost = _learned(x, y, 0.01, Augmentation(dropout=0.1))[0].dt.range
    assert 0 < plain[0] < 0.01 < plain[1] < 0.0125
    assert lost[0] == plain[0]
    assert lost[1] >= 0.04


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=5),
    st.integers(2, 20),
    st.integers(1, 4),
    st.booleans(),
    st.integers(0, 99),
)
def test_every_sample_counts_once_in_every_pass(lengths, window, batch, carry, seed):
    lengths = [30, *lengths]
    t = [np.arange(n) * 1.0 for n in lengths]
    x = [np.stack([one, one], axis=1) for one in t]
    data = from_arrays(x, [one + 1000 * k for k, one in enumerate(t)], t, kind="regression")
    units = learn_normalisation(data, data.series, NONE)
    plan = WindowPlan(window, batch, 1, carry)
    batches = list(plan.epoch(data.series, units, NONE, np.random.default_rng(seed)))
    assert len(batches) == plan.batches(data.series)
    seen = np.concatenate([one.y[one.counts][:, 0] for one in batches])
    wanted = np.concatenate([one.y[:, 0] for one in data.series])
    assert sorted(seen.tolist()) == sorted(wanted.tolist())
    for before, after in itertools.pairwise(batches):
        for row in np.flatnonzero(~after.fresh):  # it goes on where the row ended
            assert carry
            assert after.y[row, 0, 0] == before.y[row, before.lengths[row] - 1, 0] + 1
    assert carry or all(one.fresh.all() for one in batches)


def test_lost_samples_lengthen_the_next_step_and_noise_leaves_masks_alone():
    t = np.arange(400) * 1.0
    x = np.stack([np.sin(t), np.where(t % 2 == 0, t, np.nan)], axis=1)
    data = from_arrays(x, np.cos(t), t, kind="regression")
    how = Augmentation(noise=0.5, dropout=0.5)
    units = learn_normalisation(data, data.series, how)
    (one,) = WindowPlan(400, 1, 1).epoch(data.series, units, how, np.random.default_rng(3))
    assert 150 < one.x.shape[1] < 250
    assert one.dt[0, 1:].max() >= 4.0
    assert set(np.unique(one.x[0, :, 2])) == {0.0, 1.0}


@settings(max_examples=30)
@given(st.floats(0, 0.9), st.floats(0, 0.9), st.integers(0, 9))
def test_moved_time_stamps_stay_in_order(jitter, clock, seed):
    random = np.random.default_rng(seed)
    t = np.cumsum(random.exponential(1.0, 50) + 1e-3)
    moved, x = augmented(t, t[:, None], np.ones(1), Augmentation(0, 0, jitter, clock), random)
    assert (np.diff(moved) > 0).all()
    assert np.array_equal(x[:, 0], t)


@pytest.mark.parametrize("text", ["noise", "noise=-1", "dropout=1", "shine=0.1", "noise=x"])
def test_unknown_augmentations_are_refused(text):
    with pytest.raises(WrongUseError, match="--augment"):
        parse_augmentation(text)


def test_augmentations_are_parsed():
    assert parse_augmentation("noise=0.1, dt=0.2") == Augmentation(noise=0.1, dt=0.2)
