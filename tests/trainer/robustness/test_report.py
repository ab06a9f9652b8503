"""Tables, pictures and the result in words say what the errors say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from elegans.trainer.robustness.campaign import StudyOutcome, _chosen
from elegans.trainer.robustness.effects import NONE
from elegans.trainer.robustness.pictures import draw
from elegans.trainer.robustness.plain_words import paragraph
from elegans.trainer.robustness.plan import (
    CUE_STRENGTHS,
    LOST,
    StudyOptions,
    conditions,
    lessons,
    tuned,
    tuning,
)
from elegans.trainer.robustness.report import (
    ALL,
    StudyPoint,
    aligned,
    markdown,
    results_json,
    summarised,
    table,
)
from elegans.trainer.robustness.world import CUE

_CELLS = ("cfc", "gru", "mlp")


@dataclass(frozen=True)
class OnPaper:
    """A world of which only the names are needed."""

    name: str = "paper"
    error: str = "error [1]"
    digest: str = "0"
    outputs: int = 1
    epochs: int = 7
    cues: bool = True
    strengths: dict = field(default_factory=lambda: {"noise": (1.0, 2.0), "bias": (0.5,)})

    def inputs(self, cell):
        return 4 + (cell in ("gru", "lstm", "mlp"))


def _summary(options, error):
    """The summary of errors error(lesson, condition), with a little noise of their seeds."""
    world = OnPaper()
    records = []
    for lesson in lessons(options, world):
        noise = np.random.default_rng([lesson.seed, len(records)]).normal(0, 0.01)
        found = [
            [*one, error(lesson, one) + noise] for one in conditions(options, world, lesson.cue)
        ]
        record = {
            "validation": 0.1,
            "parameters": 10 * lesson.neurons,
            "instructions": 100 * lesson.neurons,
            "flash": 30 * lesson.neurons,
            "errors": {"float": found, "int16": [[n, s, 1.1 * e] for n, s, e in found]},
        }
        records.append((replace(lesson, rate=0.01), record))
    return summarised(world, options, StudyOutcome({}, [], records))


@pytest.fixture(scope="module")
def shift():
    """gru is worse under noise and mlp better under bias, at both sizes; the cue breaks cfc."""

    def error(lesson, condition):
        if condition.name == CUE and lesson.cell == "cfc":
            return 1.0 + condition.strength
        if (lesson.cell, condition.name) == ("gru", "noise"):
            return 1.0 + condition.strength
        return 0.5 if (lesson.cell, condition.name) == ("mlp", "bias") else 1.0

    return _summary(StudyOptions(cells=_CELLS, seeds=5), error)


def test_the_result_says_where_a_cell_is_better_worse_or_cannot_be_told_apart(shift):
    text = paragraph(shift)
    gru = "GRU is better under spurious cue and worse under noise and over all disturbances"
    assert f"At equal parameters, compared with CfC: {gru}" in text
    assert "MLP is better under bias, under spurious cue and over all disturbances" in text
    assert "At 19 neurons, compared with CfC: GRU is worse under noise" in text
    assert "The integers change no mean by more than 10.0% of float's" in text


def test_means_are_over_the_strengths_and_then_over_the_disturbances(shift):
    def mean(name, strength=None, cell="gru"):
        row = shift.row(StudyPoint("equal parameters", "float", name, strength), cell)
        return row.estimate.mean

    assert mean("noise") == pytest.approx((mean("noise", 1.0) + mean("noise", 2.0)) / 2)
    assert mean(ALL) == pytest.approx((mean("noise") + mean("bias")) / 2)
    cue = [mean(CUE, strength, "cfc") for strength in CUE_STRENGTHS]
    assert mean(CUE, None, "cfc") == pytest.approx(np.mean(cue))


def test_the_table_marks_what_the_words_say_and_both_forms_have_the_same_cells(shift):
    lines = table(shift, "int16")
    assert {len(line) for line in lines} == {5}
    noise = next(line for line in lines if line[:2] == ["equal parameters", "noise"])
    assert noise[3].endswith(" -")
    assert not noise[4].endswith((" -", " +"))
    assert markdown(lines).count("\n") == aligned(lines).count("\n") + 1 == len(lines) + 1
    found = json.loads(results_json(shift, "words"))
    assert found["settings"]["epochs"] == 7
    assert len(found["networks"]) == 5 * 3 * (2 + 1) - 5  # cfc of both sizes is one network


def test_a_picture_for_each_size_and_number(shift, tmp_path):
    names = draw(replace(shift, sizes=shift.sizes[:1]), tmp_path)
    assert names == ["equal_parameters_float.png", "equal_parameters_int16.png"]
    for name in names:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def time():
    """Time helps cfc from 80 % on and harms gru there; a blind gru is worse than cfc."""

    def error(lesson, _):
        far = lesson.lost >= 0.8
        if lesson.cell == "cfc":
            return 0.5 if far and lesson.time == "given" else 1.0
        return 2.0 if far and lesson.time == "given" else 1.0

    return _summary(StudyOptions(study="time", cells=("cfc", "gru"), seeds=4), error)


def test_the_study_of_time_says_from_which_share_on_time_helps(time, tmp_path):
    text = paragraph(time)
    assert "lowers the error of CfC at 80%/90% lost and raises that of GRU at 80%/90% lost;" in text
    assert "not told it: CfC beats GRU at 80%/90% lost." in text
    lines = [line[1] for line in table(time, "int16")]
    assert [one for one in lines if one.startswith("time given")] == [
        f"time given, {share:.0%} lost" for share in LOST
    ]
    assert draw(time, tmp_path) == ["time.png"]


def test_the_study_of_sizes_has_a_row_for_each_cell_and_budget(tmp_path):
    options = StudyOptions(study="size", cells=_CELLS, seeds=2, sizes=(200, 5000), steps=3)
    summary = _summary(options, lambda lesson, _: 1.0 / lesson.neurons)
    lines = table(summary, "int16")
    assert len(lines) == 1 + 3 * 3
    assert [line[0] for line in lines[1::3]] == [
        "200 parameters",
        "1,000 parameters",
        "5,000 parameters",
    ]
    assert draw(summary, tmp_path) == ["size.png"]


def test_each_rate_is_tried_once_with_a_seed_that_is_not_tested():
    options, world = StudyOptions(cells=_CELLS, seeds=2), OnPaper()
    tried, wanted = tuning(options, world), lessons(options, world)
    assert len(tried) == 3 * len({(one.cell, one.neurons) for one in wanted}) == len(set(tried))
    assert {one.seed for one in tried}.isdisjoint(one.seed for one in wanted)
    assert {tuned(one) for one in wanted} == {replace(one, rate=0.0) for one in tried}
    errors = {0.003: 2.0, 0.01: 1.0, 0.03: None}
    chosen = _chosen([(one, errors[one.rate]) for one in tried], options)
    assert set(chosen.values()) == {0.01}
    assert tuning(replace(options, rates=(0.02,)), world) == []


def test_more_seeds_only_add_trainings():
    world = OnPaper()
    few, many = (lessons(StudyOptions(seeds=n), world) for n in (2, 3))
    assert many[: len(few)] == few


def test_undisturbed_is_a_condition_of_every_study():
    world = OnPaper()
    for study in ("shift", "size", "time"):
        for cue in (False, True):
            first = conditions(StudyOptions(study=study), world, cue)[0]
            assert first == (NONE, 0.0)
