"""The closed loop and recordings: the same disturbances for every network and both numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from elegans.tests.trainer.data.recordings import data
from elegans.trainer.data.split import split
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.robustness import lane_world, recorded_world
from elegans.trainer.robustness.drive_disturbed import greenness
from elegans.trainer.robustness.effects import NONE
from elegans.trainer.robustness.lane_world import LANE_STRENGTHS, LaneWorld
from elegans.trainer.robustness.plan import CUE_STRENGTHS, StudyOptions, conditions
from elegans.trainer.robustness.recorded_world import RecordedWorld, motions
from elegans.trainer.robustness.timed_network import Exporter, FloatExecution
from elegans.trainer.robustness.world import CUE, CellLesson, Condition

_LESSON = CellLesson("ctrnn", 5, "dense", 0.01, 1, 1)
_USUAL = Condition(NONE, 0.0)


class Spy:
    """An execution that keeps what it is given, runs it if it is to, and answers a constant."""

    def __init__(self, network, execution=None, answer=0.01):
        self.network, self.execution, self.answer = network, execution, answer
        self.seen = []

    def start(self, runs):
        return self.execution.start(runs) if self.execution else torch.zeros(runs, 1)

    def step(self, x, dt, h):
        self.seen.append((x.clone(), dt.clone()))
        if self.execution:
            h = self.execution.step(x, dt, h)[1]
        return np.full((len(x), 1), self.answer), h

    def run(self, x, dt):
        self.seen.append((x.clone(), dt.clone()))
        return np.full((*dt.shape, 2), self.answer)


@pytest.fixture(scope="module")
def lane():
    """Short drives, and hardly any training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lane_world, "_CARS", 4)
        patch.setattr(lane_world, "_SECONDS", 6.0)
        patch.setattr(lane_world, "_BATCHES", 2)
        yield LaneWorld(test_seconds=6.0)


@pytest.fixture(scope="module")
def steered(lane):
    """A network of the task."""
    return lane.train(_LESSON)[0]


def _recorded():
    random = np.random.default_rng(0)
    lines = ["t=", "a=", "b=", "y=", "group="]
    for group in range(5):
        t = np.cumsum(random.uniform(0.1, 0.3, 60))
        a, b = random.standard_normal((2, 60))
        rows = t, a, b, (np.cumsum(a) > 0).astype(int), np.full(60, group)
        lines = [
            line + "".join(f"{v:.4f}," if i < 3 else f"{v}," for v in row)
            for i, (line, row) in enumerate(zip(lines, rows, strict=True))
        ]
    text = "\n".join(line.rstrip(",") for line in lines)
    found = data(text, inputs=("a", "b"), group="group", kind="classification")
    settings = TrainSettings(window=16, batch=8)
    return RecordedWorld("test", found, split(found), settings, found.digest)


@pytest.fixture(scope="module")
def recorded():
    return _recorded()


@pytest.mark.parametrize("name", LANE_STRENGTHS)
def test_a_drive_at_strength_zero_is_the_usual_drive(lane, steered, name):
    execution = FloatExecution(steered)
    usual, zero = lane.errors(execution, _LESSON, [_USUAL, Condition(name, 0.0)])
    assert usual == zero > 0


def test_every_disturbance_of_a_drive_changes_what_the_network_is_told(lane, steered):
    usual = Spy(steered)
    lane.errors(usual, _LESSON, [_USUAL])
    for name, strengths in LANE_STRENGTHS.items():
        spy = Spy(steered)
        lane.errors(spy, _LESSON, [Condition(name, strengths[-1])])
        pairs = zip(usual.seen, spy.seen, strict=True)
        assert any(not (torch.equal(a, c) and torch.equal(b, d)) for (a, b), (c, d) in pairs), name


def test_conditions_beside_each_other_do_not_disturb_each_other(lane, steered):
    some = conditions(StudyOptions(quick=True), lane, False)
    together = lane.errors(FloatExecution(steered), _LESSON, some)
    alone = [lane.errors(FloatExecution(steered), _LESSON, [one])[0] for one in some[::4]]
    assert together[::4] == pytest.approx(alone, rel=1e-4)


def test_float_and_integers_drive_through_the_very_same_disturbances(lane, steered):
    some = [Condition(name, strengths[-1]) for name, strengths in LANE_STRENGTHS.items()]
    executions = Exporter().exported(steered, lane.interface(steered), "int16").executions
    told = []
    for execution in executions.values():
        spy = Spy(steered, execution)  # the same steering comes out, so the drives are the same
        lane.errors(spy, _LESSON, some)
        told.append(spy.seen)
    for (a, b), (c, d) in zip(*told, strict=True):
        assert torch.equal(a, c)
        assert torch.equal(b, d)
    errors = [lane.errors(execution, _LESSON, some) for execution in executions.values()]
    np.testing.assert_allclose(*errors, rtol=0.05)


def test_all_told_values_of_a_drive_are_inside_their_declared_ranges(lane, steered):
    spy = Spy(steered)
    some = [Condition(name, strengths[-1]) for name, strengths in LANE_STRENGTHS.items()]
    lane.errors(spy, _LESSON, some)
    low, high = np.array([s.range for s in steered.units.signals]).T
    for x, dt in spy.seen:
        assert (x.numpy() >= np.float32(low)).all()
        assert (x.numpy() <= np.float32(high)).all()
        assert float(dt.min()) >= steered.units.dt.range[0]
        assert float(dt.max()) <= steered.units.dt.range[1]


def test_a_training_is_repeated_by_its_seed(lane):
    first, again = (lane.train(_LESSON) for _ in range(2))
    assert first[1] == again[1]
    for a, b in zip(first[0].parameters(), again[0].parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "change", [{"cue": True}, {"lost": 0.8}, {"lost": 0.8, "time": "jittered"}]
)
def test_variants_of_a_drive_are_trained_and_tested(lane, change):
    lesson = CellLesson("gru", 4, "dense", 0.01, 1, 1, **change)
    network, validation = lane.train(lesson)
    some = [_USUAL] + [Condition(CUE, s) for s in CUE_STRENGTHS if lesson.cue]
    errors = lane.errors(FloatExecution(network), lesson, some)
    assert np.isfinite([validation, *errors]).all()
    assert network.as_input
    assert len(network.units.signals) == 9 + lesson.cue


def test_the_cue_follows_the_expert_in_training_and_is_inverted_at_full_strength():
    expert = 0.1 * np.random.default_rng(0).standard_normal(4000)
    noise = np.random.default_rng(1).standard_normal(4000)
    held = [np.corrcoef(expert, greenness(expert, hold, noise))[0, 1] for hold in (1.0, 0.0, -1.0)]
    assert held[0] > 0.95
    assert abs(held[1]) < 0.05
    assert held[2] < -0.95


def test_recordings_at_strength_zero_are_the_usual_ones(recorded):
    network, _ = recorded.train(_LESSON)
    some = [_USUAL, *(Condition(name, 0.0) for name in recorded.strengths)]
    errors = recorded.errors(FloatExecution(network), _LESSON, some)
    assert errors == [errors[0]] * len(some)


def test_conditions_that_do_not_fit_into_memory_run_one_after_the_other(recorded, monkeypatch):
    network, _ = recorded.train(_LESSON)
    some = conditions(StudyOptions(), recorded, False)
    whole = recorded.errors(FloatExecution(network), _LESSON, some)
    monkeypatch.setattr(recorded_world, "_MOST_SAMPLES", 1)
    assert recorded.errors(FloatExecution(network), _LESSON, some) == pytest.approx(whole)


def test_recordings_are_disturbed_alike_for_all_networks_and_numbers(recorded):
    some = [Condition(name, strengths[-1]) for name, strengths in recorded.strengths.items()]
    told = []
    for seed in (1, 2):
        lesson = CellLesson("ctrnn", 5, "dense", 0.01, seed, 1)
        spy = Spy(recorded.train(lesson)[0])
        recorded.errors(spy, lesson, some)
        told.append(spy.seen)
    for (a, b), (c, d) in zip(*told, strict=True):
        assert torch.equal(a, c)
        assert torch.equal(b, d)


def test_samples_that_are_lost_leave_longer_times_to_those_that_come(recorded):
    lesson = CellLesson("ctrnn", 5, "dense", 0.01, 1, 1, lost=0.8)
    spy = Spy(recorded.train(lesson)[0])
    recorded.errors(spy, lesson, [_USUAL])
    usual = Spy(recorded.train(_LESSON)[0])
    recorded.errors(usual, _LESSON, [_USUAL])
    ((_, few),), ((_, all_),) = spy.seen, usual.seen
    assert few.shape[1] < 0.5 * all_.shape[1]
    assert float(few.mean()) > 2.0 * float(all_.mean())


def test_motions_is_split_by_its_own_test_part():
    pytest.importorskip("aeon", reason="the recordings come with aeon")
    found, validation, test = motions()
    parts = split(found, validation, test)
    assert (len(parts.training), len(parts.validation), len(parts.test)) == (32, 8, 40)
    assert found.goal.whole
    assert len(found.goal.classes) == 4
