"""Published recordings are verified, split honestly, and named with their licence."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.tests.places import CHECKOUT
from elegans.trainer.data.split import split
from elegans.trainer.tasks import RECORDED
from elegans.trainer.tasks.recorded import daphnet, gesture, occupancy

DATA = Path(os.environ.get("ELEGANS_DATA", CHECKOUT.parent / "shared" / "data"))
needs_aeon = pytest.mark.skipif(
    importlib.util.find_spec("aeon") is None, reason="aeon, whose wheel has it, is not installed"
)


def _loaded(task):
    if not (DATA / task.name).is_dir():
        pytest.skip(f"no {task.name} in {DATA}; ELEGANS_DATA names the folder of recordings")
    return task.load(DATA)


def test_the_parts_of_occupancy_follow_each_other_in_time():
    data = _loaded(occupancy.TASK)
    parts = split(data, occupancy.TASK.validation, occupancy.TASK.test)
    assert [len(data.inputs), data.goal.classes] == [4, ("0", "1")]
    end = {name: max(one.t[-1] for one in data.series if one.group == name) for name in data.groups}
    start = {name: min(o.t[0] for o in data.series if o.group == name) for name in data.groups}
    order = ["datatest", "datatraining", "datatraining_end", "datatest2"]
    for before, after in pairwise(order):
        assert end[before] < start[after]
    assert {one.group for one in parts.training} == {"datatraining"}


def test_nobody_in_the_test_part_of_gesture_was_seen_in_training():
    data = _loaded(gesture.TASK)
    parts = split(data, gesture.TASK.validation, gesture.TASK.test)
    people = [{one.group[0] for one in part} for part in (parts.training, parts.test)]
    assert people == [{"a", "b"}, {"c"}]
    assert data.goal.classes == ("Hold", "Preparation", "Rest", "Retraction", "Stroke")
    steps = np.concatenate([np.diff(one.t) for one in data.series])
    assert 0.028 < np.median(steps) < 0.04
    assert len(np.unique(steps)) > 50  # real time stamps, not a period


@needs_aeon
def test_daphnet_comes_with_aeon_and_is_a_forecast_because_it_has_one_class():
    data = daphnet.load(None)
    assert (data.goal.kind, data.goal.steps, len(data.inputs)) == ("forecasting", 8, 9)
    assert data.period == pytest.approx(1 / 64, abs=1e-3)
    assert sum(map(len, data.series)) == 7040


@pytest.mark.parametrize("task", [occupancy.TASK, gesture.TASK])
def test_without_the_recordings_the_error_says_where_they_are(task, tmp_path):
    with pytest.raises(WrongUseError, match=r"https://archive\.ics\.uci\.edu.*CC BY 4\.0.*--data"):
        task.load(None)
    with pytest.raises(WrongUseError, match="there is no"):
        task.load(tmp_path)


def test_other_files_are_not_taken_for_the_published_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(occupancy, "SOURCE", replace(occupancy.SOURCE, files={"a.txt": "00" * 32}))
    (tmp_path / "a.txt").write_text("a,b\n1,2\n")
    with pytest.raises(ElegansError, match=r"its SHA-256 is .*, not 000000000000"):
        occupancy.load(tmp_path)


def test_every_task_is_listed_with_a_line():
    assert set(RECORDED) == {"occupancy", "gesture", "daphnet"}
    assert all(task.summary and task.name == name for name, task in RECORDED.items())


def test_one_threshold_of_the_light_is_right_on_99_percent_of_occupancy():
    """docs/training_data.md warns of it: no network is needed for this task, nor shown by it."""
    data = _loaded(occupancy.TASK)
    light = [name for name, _ in data.inputs].index("Light")

    def of(groups):
        chosen = [one for one in data.series if one.group in groups]
        values = np.concatenate([one.x[:, light] for one in chosen])
        return values, np.concatenate([one.y[:, 0] for one in chosen])

    x, y = of({"datatraining"})
    best = max(np.unique(x), key=lambda limit: np.mean((x > limit) == y))
    x, y = of({"datatest", "datatest2"})
    assert best == pytest.approx(364.5)
    assert np.mean((x > best) == y) == pytest.approx(0.990, abs=5e-4)
