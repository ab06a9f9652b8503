"""The Pareto front, and the best model within a budget."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.tests.trainer.search.scripted import Scripted, swept
from elegans.trainer.search.front import pareto
from elegans.trainer.search.pick import best_of, parse_conditions, picked, read_front

_NAMES = ("error", "instructions", "flash")
_values = st.integers(0, 5)
_rows = st.lists(st.tuples(_values, _values, _values), max_size=30).map(
    lambda rows: [{"trial": n, **dict(zip(_NAMES, row, strict=True))} for n, row in enumerate(rows)]
)


def _beats(one, other):
    pairs = [(one[n], other[n]) for n in _NAMES]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


@given(_rows)
def test_the_front_is_what_no_row_beats_each_value_once(rows):
    front = pareto(rows, _NAMES)
    values = [tuple(row[n] for n in _NAMES) for row in front]
    assert len(set(values)) == len(values)
    unbeaten = {
        tuple(row[n] for n in _NAMES)
        for row in rows
        if not any(_beats(other, row) for other in rows)
    }
    assert set(values) == unbeaten
    assert values == sorted(values)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    swept(folder, trials=14)
    return folder


@pytest.mark.parametrize("condition", ["instructions<2000", "instructions <= 1500, flash<3000"])
def test_the_pick_has_the_least_error_within_the_budget(sweep, tmp_path, condition):
    row = picked(sweep, condition, tmp_path / "out")
    within = [
        r
        for r in read_front(sweep)["trials"]
        if r["instructions"] < 2000
        and ("flash" not in condition or r["flash"] < 3000)
        and ("1500" not in condition or r["instructions"] <= 1500)
    ]
    assert row["error"] == min(r["error"] for r in within)
    assert json.loads((tmp_path / "out/trial.json").read_text()) == row
    assert (tmp_path / "out/export/model.json").exists()


def test_a_budget_that_nothing_keeps_says_what_the_front_reaches(sweep, tmp_path):
    with pytest.raises(
        ElegansError, match=r"no trial keeps it; the front has .*instructions \d+ to"
    ):
        picked(sweep, "instructions<1", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "text",
    [
        *("", "instructions", "<3", "instructions<", "instructions<<3", "instructions<3 or 1"),
        *("__import__('os')<3", "a.b<3", "error<nan", "error<inf", "error<1e999", "error<--1"),
        *("error<1,", "error<1;flash<2", "error!=1", "error<1e"),
    ],
)
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(WrongUseError, match="is no condition"):
        parse_conditions(text)


def test_a_name_that_no_trial_has_is_refused_with_those_that_they_have(sweep):
    with pytest.raises(WrongUseError, match=r"'speed'; take error, flash, instructions"):
        best_of(read_front(sweep), parse_conditions("speed<3"))
    with pytest.raises(WrongUseError, match="'cell'"):  # text is not compared
        best_of(read_front(sweep), parse_conditions("cell<3"))


@pytest.mark.parametrize("comparison", ["<=", ">=", "==", "<", ">", "="])
def test_every_comparison_means_what_it_says(comparison):
    (condition,) = parse_conditions(f"flash {comparison} 2e3")
    held = [value for value in (1999, 2000, 2001) if condition.holds({"flash": value})]
    wanted = {"<": [1999], "<=": [1999, 2000], "=": [2000], "==": [2000]}
    assert held == wanted.get(comparison, [2000, 2001] if comparison == ">=" else [2001])


def test_a_sweep_without_a_complete_trial_says_so(tmp_path):
    swept(tmp_path, trials=2, workers=Scripted(states={0: "refused", 1: "refused"}))
    with pytest.raises(ElegansError, match="no complete trial yet"):
        picked(tmp_path, "error<1", tmp_path / "out")


def test_a_pick_replaces_an_earlier_one_and_nothing_else(sweep, tmp_path):
    target = tmp_path / "out"
    picked(sweep, "instructions<2000", target)
    picked(sweep, "instructions<1000", target)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("all I have")
    with pytest.raises(ElegansError, match="is there and is no earlier choice"):
        picked(sweep, "instructions<2000", tmp_path / "mine")


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"[]",
        b'{"trials": 3}',
        b'{"front": [], "objectives": [], "trials": [{"trial": 0}]}',
        b'{"front": [], "objectives": [], "trials": [{"trial": "../..", "error": 1, "instructions":'
        b' 1, "flash": 1, "folder": "trials/../.."}]}',
    ],
)
def test_a_damaged_front_is_an_error_and_leads_nowhere_else(tmp_path, damage):
    (tmp_path / "front.json").write_bytes(damage)
    with pytest.raises(ElegansError, match=r"front\.json: is damaged"):
        picked(tmp_path, "error<2", tmp_path / "out")
