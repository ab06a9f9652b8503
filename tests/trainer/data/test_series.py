"""What is wrong with time stamps is put right and told in one line each."""

from __future__ import annotations

import numpy as np
import pytest

from elegans.exporter.data.recordings.time_stamps import (
    StampCounts,
    gap_limit,
    in_order,
    pieces,
    seconds_of,
)
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.tests.trainer.data.recordings import data
from elegans.trainer.data.arrays import from_arrays


@pytest.mark.parametrize(
    ("text", "t", "x", "told"),
    [
        ("t=0,1,2,3 a=1,2,3,4 y=.1,.2,.3,.4", [[0, 1, 2, 3]], [1, 2, 3, 4], None),
        ("t=0,2,1,3 a=1,2,3,4 y=.1,.2,.3,.4", [[0, 1, 2, 3]], [1, 3, 2, 4], "1 rows come later"),
        ("t=0,1,1,2 a=1,2,-,4 y=.1,.2,.3,.4", [[0, 1, 2]], [1, 2, 4], "1 rows repeat a time"),
        ("t=0,1,-,2 a=1,2,3,4 y=.1,.2,.3,.4", [[0, 1, 2]], [1, 2, 4], "1 rows have no time"),
        (
            "t=0,1,2,50,51 a=1,2,3,4,5 y=.1,.2,.3,.4,.5",
            [[0, 1, 2], [50, 51]],
            [1, 2, 3, 4, 5],
            "1 gaps of more than 20 s, the longest 48 s",
        ),
    ],
)
def test_faults_of_time_stamps_are_repaired_and_told(text, t, x, told):
    found = data(text, kind="regression")
    assert [one.t.tolist() for one in found.series] == t
    assert np.concatenate([one.x[:, 0] for one in found.series]).tolist() == x
    notes = [note for note in found.notes if "rows" in note or "gaps" in note]
    assert [told in note for note in notes] == [True] if told else not notes


def test_repeated_rows_give_the_last_value_that_is_there():
    found = data("t=0,1,1,1,2 a=1,2,3,-,4 y=.1,-,.3,.4,.5", kind="regression")
    assert found.series[0].x[:, 0].tolist() == [1, 3, 4]
    assert found.series[0].y[:, 0].tolist() == [0.1, 0.4, 0.5]


@pytest.mark.parametrize(
    ("unit", "seconds"), [("ms", 0.001), ("s", 1.0), ("min", 60.0), ("us", 1e-6), ("h", 3600.0)]
)
def test_units_of_time(unit, seconds):
    assert np.allclose(seconds_of(np.array([0.0, 7.0]), "t", unit, []), [0.0, 7.0 * seconds])


def test_dates_and_their_faults():
    dates = np.array(["2026-01-31 13:45:00.250", "2026-01-31T13:45:01Z", ""])
    found = seconds_of(dates, "when", "", [])
    assert found[1] - found[0] == pytest.approx(0.75)
    assert np.isnan(found[2])
    with pytest.raises(ElegansError, match="time when, row 1: 'noon' is neither"):
        seconds_of(np.array(["noon"]), "when", "", [])
    with pytest.raises(ElegansError, match="its unit is 'fortnights'"):
        seconds_of(np.zeros(1), "t", "fortnights", [])


def test_time_without_a_unit_is_told_with_the_remedy():
    assert "name it 't [ms]'" in data("t=0,1,2 a=1,2,3 y=.1,.2,.3", kind="regression").notes[0]


def test_irregular_sampling_is_no_gap():
    random = np.random.default_rng(0)
    t = np.cumsum(random.exponential(1.0, 500) ** 3)
    counts = StampCounts()
    assert len(pieces(t[in_order(t, counts)], gap_limit(np.diff(t)), counts)) <= 2


def test_the_task_is_inferred_and_told():
    base = "t=0,1,2,3 a=1,2,3,4"
    cases = {
        "y=on,off,on,off": "classification, because target y holds text",
        "y=0,1,1,0": "classification, because target y holds 2 whole numbers only",
        "y=.5,.25,.1,.3": "regression, because target y holds 4 different numbers",
    }
    for column, told in cases.items():
        assert any(told in note for note in data(f"{base} {column}").notes), column
    forecast = data(f"{base} y=.5,.25,.1,.3", inputs=("a", "y"))
    assert forecast.goal.kind == "forecasting"
    assert forecast.goal.steps == 1


def test_recordings_of_one_class_each_are_decided_as_a_whole():
    text = "t=0,1,2,0,1,2 a=1,2,3,4,5,6 s=p,p,p,q,q,q y=on,on,on,off,off,off"
    found = data(text, group="s")
    assert found.goal.whole
    assert found.goal.classes == ("off", "on")
    assert [one.y[:, 0].tolist() for one in found.series] == [[1, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    ("text", "choice", "fact"),
    [
        ("t=0,1 a=x,2 y=.1,.2", {"inputs": ("a",)}, "input a, row 1: 'x' is not a number"),
        ("t=0,1 a=-,- y=.1,.2", {}, "input a: all its values are missing"),
        ("t=0,1 a=1,2 y=p,p", {}, "holds 1 classes: p; give 2 to 64"),
        ("t=0,1 a=1,2 y=p,q", {"kind": "regression"}, "holds text"),
        ("t=0,1 a=1,2 y=.1,.2", {"inputs": ("b",)}, "has no column 'b'"),
        ("t=0,1 a=1,2 y=.1,.2", {"inputs": ("a", "a")}, "names a column twice"),
        ("t=0,0 a=1,2 y=.1,.2", {}, "no recording has two time stamps"),
        ("t=0,1 y=.1,.2", {}, "no column of numbers is left"),
        ("t=0,1,2 a=1,2,3 y=.1,.2,.3", {"time": "-1"}, "a period of -1 s"),
        ("t=0,1,2 a=1,2,3 y=.1,.2,.3", {"forecast": 1, "kind": "regression"}, "1 steps of a reg"),
    ],
)
def test_data_that_cannot_be_learned_are_refused_with_a_remedy(text, choice, fact):
    with pytest.raises(ElegansError, match=fact):
        data(text, **choice)


def test_a_number_for_time_is_the_period_of_each_recording():
    found = data("a=1,2,3,4 s=p,q,p,q y=.1,.2,.3,.4", time="0.5", group="s", kind="regression")
    assert [one.t.tolist() for one in found.series] == [[0, 0.5], [0, 0.5]]
    assert [one.x[:, 0].tolist() for one in found.series] == [[1, 3], [2, 4]]


def test_arrays_of_every_shape_are_the_same_recordings():
    x = np.arange(24.0).reshape(2, 4, 3)
    wanted = from_arrays(x, [[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]], 0.5)
    y = [np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.5, 0.6, 0.7, 0.8])]
    listed = from_arrays(list(x), y, [np.arange(4) / 2] * 2)
    assert listed.digest == wanted.digest
    labels = from_arrays(x, ["on", "off"])
    assert labels.goal.whole
    assert from_arrays(x[0], [0.1, 0.2, 0.3, 0.4]).series[0].y.shape == (4, 1)


@pytest.mark.parametrize(
    ("x", "y", "t", "fact"),
    [
        (np.zeros((2, 4)), np.zeros(3), None, "y"),
        ([np.zeros((4, 1)), np.zeros((4, 2))], [0, 1], None, "different numbers of channels"),
        (np.zeros((2, 4, 1)), np.zeros((2, 3)), None, "has shape"),
        (np.zeros((2, 4, 1)), [0, 1], [np.arange(3)] * 2, "has other lengths than X"),
        (np.zeros((2, 4, 1)), [0, 1], 0.0, "a period of 0.0 s"),
        ("text", [0], None, "is no array of numbers"),
        ([], [], None, "is empty"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(x, y, t, fact):
    with pytest.raises(WrongUseError, match=fact):
        from_arrays(x, y, t)
