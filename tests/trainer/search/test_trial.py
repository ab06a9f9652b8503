"""One trial: its BUILD, and the scores of that BUILD's integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from elegans.exporter.build_folder import load_model
from elegans.exporter.cost.estimate import Cost
from elegans.exporter.data.recording import load_recording
from elegans.exporter.ir.conversion import to_integers, to_real
from elegans.exporter.oracles import reference
from elegans.trainer.data.arrays import from_arrays
from elegans.trainer.data.augment import Augmentation
from elegans.trainer.data.split import split
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.search.hopeless import CostLimit, Peer
from elegans.trainer.search.on_lane import LaneProblem
from elegans.trainer.search.on_recordings import RecordingsProblem, motions
from elegans.trainer.search.trial import TrialJob, TrialPlan, run_trial

PLAN = TrialPlan(TrainSettings(epochs=3, seed=4), "m4", CostLimit(), Augmentation())
CHOICE = {"cell": "ctrnn", "neurons": 6, "weights": "int16", "lr": 0.01, "noise": 0.1}


def small(names=("y",)) -> RecordingsProblem:
    """A delayed sine from its inputs, in six recordings; for several targets more of them."""
    random = np.random.default_rng(0)
    x = random.standard_normal((6, 80, 2)).cumsum(axis=1)
    y = np.stack([np.tanh(x[..., 0] - k) for k in range(len(names))], axis=-1)
    data = from_arrays(x, y, 0.1, kind="regression", targets=[(name, "") for name in names])
    return RecordingsProblem("small", data, split(data))


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A problem, the outcome of a trial, and its folder."""
    problem, folder = small(), tmp_path_factory.mktemp("trial")
    outcome = run_trial(PLAN, problem, TrialJob(0, CHOICE))
    assert outcome.state == "complete", outcome.reason
    for path, content in outcome.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return problem, outcome, folder


def test_a_trial_is_a_build_whose_integers_have_the_error_that_is_told(ran):
    problem, outcome, folder = ran
    model = load_model(folder / "export")
    units = problem.build(TrainSettings(augmentation=Augmentation(noise=0.1))).units
    wrong = []
    for one in problem.parts.validation:
        x = to_integers(units.inputs(one.t, one.x).astype(np.float64), model.inputs)
        dt = model.dt.to_integers(units.elapsed(one.t).astype(np.float64))
        y = to_real(reference.run(model, x, dt).y, model.outputs)
        wrong.append(y - one.y)
    rms = float(np.sqrt(np.mean(np.square(np.concatenate(wrong)))))
    assert outcome.values["error"] == pytest.approx(rms, rel=1e-6)
    assert load_recording(folder / "recording.npz", model) is not None


def test_no_disturbance_is_no_other_error(ran):
    assert ran[1].values["robustness"] == pytest.approx(ran[1].values["error"], rel=1e-6)


def test_a_trial_repeats_itself_to_the_bit(ran):
    problem, outcome, _ = ran
    again = run_trial(PLAN, problem, TrialJob(7, CHOICE))
    assert replace(again, seconds=0) == replace(outcome, seconds=0)


@pytest.mark.parametrize("budget", [CostLimit(instructions=100), CostLimit(flash=100)])
def test_what_is_too_expensive_is_refused_before_the_training(ran, budget):
    class Untrained(RecordingsProblem):
        def train(self, learner, settings, watch):
            raise AssertionError("trained all the same")

    problem = Untrained(**vars(ran[0]))
    outcome = run_trial(replace(PLAN, budget=budget), problem, TrialJob(0, CHOICE))
    assert outcome.state == "refused"
    assert "before the training" in outcome.reason
    assert not outcome.files


def test_what_is_far_behind_is_not_trained_to_the_end(ran):
    peers = (Peer(Cost(1, 1), (1e-9,)),) * 4
    shared = replace(PLAN, settings=replace(PLAN.settings, epochs=9))
    outcome = run_trial(shared, ran[0], TrialJob(0, CHOICE, peers))
    assert outcome.state == "hopeless"
    assert len(outcome.losses) == 3
    assert "after 3 epochs" in outcome.reason


def test_a_trial_that_goes_wrong_is_a_failure_with_its_reason(ran):
    outcome = run_trial(PLAN, ran[0], TrialJob(0, CHOICE | {"lr": 1e30}))
    assert outcome.state == "failed"
    assert "loss became" in outcome.reason or "not finite" in outcome.reason


def test_several_targets_have_one_error_in_units_of_their_ranges():
    problem = small(("a", "b"))
    outcome = run_trial(replace(PLAN, disturbance=None), problem, TrialJob(0, CHOICE))
    assert 0 < outcome.values["error"] < 2
    assert "robustness" not in outcome.values


def test_motions_are_trained_on_one_part_chosen_by_another_and_tested_on_a_third():
    pytest.importorskip("aeon")
    parts = motions().parts
    groups = [{one.group for one in p} for p in (parts.training, parts.validation, parts.test)]
    assert [len(part) for part in groups] == [24, 16, 40]
    assert len(set().union(*groups)) == 80
    for part in (parts.training, parts.validation, parts.test):
        labels = [int(one.y[0, 0]) for one in part]
        assert {labels.count(k) for k in range(4)} == {len(part) // 4}


@pytest.mark.slow
def test_a_network_learns_to_hold_the_lane_and_noise_makes_it_worse():
    choice = {"cell": "ctrnn", "neurons": 12, "weights": "int16", "lr": 0.01, "noise": 0.1}
    disturbance = Augmentation(noise=1.0, dropout=0.4)
    shared = TrialPlan(TrainSettings(epochs=6), "m4", CostLimit(), disturbance)
    outcome = run_trial(shared, LaneProblem(), TrialJob(0, choice))
    assert outcome.values["error"] < 0.3
    assert outcome.values["test_error"] < 0.3
    assert outcome.values["robustness"] > outcome.values["error"]
