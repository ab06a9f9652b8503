"""The three parts are disjoint, in order, and know nothing of each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.trainer.data.arrays import from_arrays
from elegans.trainer.data.split import split


def _stamps(part):
    return [float(t) for one in part for t in one.t]


@settings(max_examples=25)
@given(st.lists(st.integers(40, 60), min_size=1, max_size=8), st.integers(0, 3))
def test_no_row_is_in_two_parts_and_none_is_shuffled(lengths, ahead):
    starts = np.cumsum([0, *lengths]) * 10.0
    t = [start + np.arange(n) for start, n in zip(starts, lengths, strict=False)]
    y = [np.sin(one) for one in t]
    x = [np.stack([np.cos(one), np.sin(one)], axis=1) for one in t]
    data = from_arrays(x, y, t, forecast=ahead or None, kind=None if ahead else "regression")
    parts = split(data)
    each = [_stamps(part) for part in (parts.training, parts.validation, parts.test)]
    assert len(set().union(*each)) == sum(map(len, each)) == sum(lengths)
    for part in (parts.training, parts.validation, parts.test):
        for one in part:
            assert (np.diff(one.t) == 1).all()
            known = np.isfinite(one.y[:, 0])
            assert int((~known).sum()) == ahead
            assert np.allclose(one.y[known, 0], np.sin(one.t[known] + ahead))
    by_group = len(lengths) >= 3
    groups = [{one.group for one in p} for p in (parts.training, parts.validation, parts.test)]
    assert by_group == (not groups[0] & groups[2])
    if len(lengths) == 1:
        assert max(each[0]) < min(each[1]) < max(each[1]) < min(each[2])


def test_recordings_of_one_class_each_are_split_class_by_class():
    labels = ["a"] * 7 + ["b"] * 7
    parts = split(from_arrays(np.random.default_rng(0).random((14, 5, 1)), labels))
    for part, count in ((parts.training, 5), (parts.validation, 1), (parts.test, 1)):
        assert [sum(one.y[0, 0] == k for one in part) for k in (0, 1)] == [count, count]


def _two_classes(groups):
    """Recordings in which 'rare' occurs only in the named groups."""
    x = np.random.default_rng(1).random((6, 8, 1))
    y = [["no"] * 7 + ["rare" if name in groups else "no"] for name in "abcdef"]
    return from_arrays(x, y, groups=list("abcdef"), kind="classification")


def test_a_class_that_is_missing_from_a_split_is_told_or_refused():
    data = _two_classes("ab")
    split(data)
    assert sum("part has no 'rare'" in note for note in data.notes) == 2
    with pytest.raises(ElegansError, match="training part has no 'rare'; choose --test"):
        split(_two_classes("f"))


def test_a_class_of_few_samples_is_told():
    data = _two_classes("ab")
    split(data)
    assert any("few samples of the training part are 'rare' (2)" in note for note in data.notes)


def test_the_user_chooses_groups():
    parts = split(_two_classes("ab"), validation=["c"], test=["d", "e"])
    assert [[one.group for one in part] for part in (parts.validation, parts.test)] == [
        ["c"],
        ["d", "e"],
    ]
    with pytest.raises(WrongUseError, match="no group 'z'; there are a, b, c"):
        split(_two_classes("ab"), test=["z"])
    with pytest.raises(WrongUseError, match="comes without --test"):
        split(_two_classes("ab"), validation=["c"])


def test_data_that_are_too_short_are_refused():
    with pytest.raises(ElegansError, match="no samples are left for the validation part"):
        split(from_arrays(np.random.default_rng(0).random((4, 1)), [0.1, 0.2, 0.3, 0.4]))


def test_missing_targets_are_told():
    y = np.sin(np.arange(100.0))
    y[10] = np.nan
    data = from_arrays(np.ones((100, 1)), y)
    split(data)
    assert any("1 of 70 samples of the training part have none" in note for note in data.notes)
