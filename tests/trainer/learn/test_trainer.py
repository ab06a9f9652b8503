"""Training on recordings: the same bytes twice, raw units in the graph, baselines beside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from elegans.exporter.data.recordings.read_columns import read_columns
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.export import Request, export
from elegans.tests.trainer.data.recordings import write_machine
from elegans.trainer.data.arrays import from_arrays
from elegans.trainer.data.series import Choice, from_columns
from elegans.trainer.learn.keeping import Keeping
from elegans.trainer.learn.results import recorded
from elegans.trainer.learn.trainer import Trainer

SMALL = {"neurons": 8, "epochs": 3, "window": 20, "seed": 3}


def _machine(tmp_path: Path):
    path = write_machine(tmp_path / "machine.csv")
    choice = Choice("t", ("state",), ("temp", "vibration"), group="session")
    return from_columns(read_columns(path), choice)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A trainer after `fit`, and the folder of its files."""
    folder = tmp_path_factory.mktemp("trained")
    trainer = Trainer(**SMALL, augment="noise=0.1,dropout=0.1").fit_data(_machine(folder))
    trainer.export(folder / "out", "machine")
    return trainer, folder / "out"


def test_the_files_are_those_of_a_task(trained):
    names = {"model.onnx", "weights.safetensors", "metrics.json", "recording.npz"}
    names |= {"training.png", "wiring.png", "confusion.png"}
    assert {path.name for path in trained[1].iterdir()} == names


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(trained, tmp_path):
    again = Trainer(**SMALL, augment="noise=0.1,dropout=0.1").fit_data(_machine(tmp_path))
    again.export(tmp_path / "out", "machine")
    for path in trained[1].iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes(), path.name
    other = Trainer(**{**SMALL, "seed": 4, "epochs": 1}).fit_data(_machine(tmp_path))
    assert other.outcome.course.training[0] != again.outcome.course.training[0]


def test_the_metrics_stand_beside_plain_baselines(trained):
    metrics = json.loads((trained[1] / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] == trained[0].evaluate()["accuracy"]
    assert metrics["test"]["accuracy"] > metrics["baselines"]["majority"]["accuracy"]
    assert 0 <= metrics["baselines"]["gru"]["accuracy"] <= 1
    assert metrics["classes"] == ["idle", "run"]
    assert any("values are missing" in note for note in metrics["notes"])


def test_the_graph_takes_raw_units_and_computes_what_torch_computes(trained):
    import onnxruntime

    trainer, folder = trained
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    with np.load(folder / "recording.npz") as recording:
        x, dt = recording["x"][0], recording["dt"][0]
        assert recording["label"].shape == recording["x"].shape[:2]
    assert 18 < x[:, 0].mean() < 25  # degC, not standard deviations
    h = np.zeros((1, 8), np.float32)
    found = []
    for sample, step in zip(x, dt, strict=True):
        given = {"x": sample[None], "h": h, "dt": step[None, None]}
        y, h = session.run(["y", "h_next"], given)
        found.append(y[0])
    with torch.no_grad():
        wanted = trainer.outcome.net(torch.from_numpy(x)[None], torch.from_numpy(dt)[None])
    assert np.allclose(np.array(found), wanted[0].numpy(), atol=1e-5)


def test_the_integers_have_no_step_for_the_normalisation(trained, tmp_path):
    export(Request(trained[1] / "model.onnx", accept_error=1.0), tmp_path / "build")
    model = json.loads((tmp_path / "build" / "model.json").read_text())
    assert [signal["name"] for signal in model["inputs"]] == [
        *("temp", "vibration", "temp_seen", "temp_age"),
    ]
    names = [step["name"] for step in model["steps"]]
    layers = ("inter", "command", "motor")
    assert [name for name in names if not name.startswith(layers)] == ["x_in", "dt_in"]


@pytest.mark.parametrize(
    ("lengths", "count", "steps"),
    [([2665, 9752], 1, 4000), ([100] * 40, 40, 100), ([30, 50, 70], 2, 50), ([9000], 1, 4000)],
)
def test_the_recording_has_as_much_of_the_test_part_as_fits(lengths, count, steps):
    data = from_arrays([np.zeros((n, 1)) for n in lengths], [np.arange(n) / 7 for n in lengths])
    assert [len(one) for one in recorded(data.series)] == [steps] * count


def test_new_recordings_are_evaluated_with_the_classes_of_the_training(trained):
    x = np.array([[20.0, 0.1]] * 5 + [[23.0, 1.0]] * 5)[None]
    scores = trained[0].evaluate(x, [["idle"] * 10], 0.04)
    assert 0 <= scores["accuracy"] <= 1


def test_numbers_are_learned_and_forecast_beside_mean_and_persistence(tmp_path):
    t = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.5, 300))
    x = np.stack([np.sin(t / 5), np.cos(t / 9)], axis=1)
    trainer = Trainer(cell="gru", neurons=6, epochs=2, optimizer="adamw", weight_decay=0.01)
    trainer.fit(x, 100 + 40 * x[:, 0], t, targets=[("torque", "Nm")], kind="regression")
    assert set(trainer.evaluate()) == {"rmse", "mae", "r2"}
    assert trainer.evaluate()["rmse"] < 40
    assert set(trainer.outcome.baselines) == {"mean", "gru"}
    ahead = Trainer(cell="mlp", neurons=6, epochs=1).fit(x, x[:, 0], t, forecast=3)
    truth, step = x[:, 0], 3
    test = truth[255:]  # the last 15 % of 300
    rmse = float(np.sqrt(np.mean((test[2 * step :] - test[step:-step]) ** 2)))
    assert ahead.outcome.baselines["persistence"]["rmse"] == pytest.approx(rmse, rel=1e-6)


@pytest.mark.parametrize("cell", ["ltc", "ctrnn"])
def test_whole_recordings_of_different_lengths_are_classified(cell, tmp_path):
    random = np.random.default_rng(0)
    x = [random.normal(k % 2, 0.3, (random.integers(8, 14), 1)) for k in range(14)]
    trainer = Trainer(cell=cell, neurons=6, epochs=1, lr=0.03, class_weights="balanced")
    trainer.fit(x, ["even", "odd"] * 7, 0.1)
    assert trainer.outcome.data.goal.whole
    assert len(trainer.outcome.test.truth) == 2


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({"cell": "esn"}, "--cell: 'esn'"),
        ({"cell": "gru", "wiring": "ncp"}, "a gru is dense"),
        ({"wiring": "ncp:2"}, "'ncp:2'; give ncp"),
        ({"lr": 0}, "--lr"),
        ({"seed": -1}, "--seed"),
        ({"neurons": 0}, "--neurons"),
        ({"colour": "red"}, r"takes no \['colour'\]"),
    ],
)
def test_settings_out_of_range_are_refused(options, fact):
    with pytest.raises(WrongUseError, match=fact):
        Trainer(**options)


def test_a_circuit_needs_neurons_for_its_outputs():
    x = np.random.default_rng(0).random((60, 1))
    with pytest.raises(ElegansError, match="4 are too few for a circuit with 2 motor neurons"):
        Trainer(neurons=4).fit(x, [0, 1] * 30)


def test_before_fit_there_is_nothing_to_export(tmp_path):
    with pytest.raises(ElegansError, match="was not trained yet; call fit"):
        Trainer().export(tmp_path)


def test_losses_are_logged_for_tensorboard(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    x = np.random.default_rng(0).random((60, 1))
    keeping = Keeping(tmp_path / "checkpoints", tensorboard=tmp_path / "logs")
    Trainer(neurons=6, epochs=2).fit(x, [0, 1] * 30, keeping=keeping)
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    assert [event.step for event in events.Scalars("loss/train")] == [1, 2]


def test_without_tensorboard_the_error_names_the_extra_before_any_work(tmp_path, monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    keeping = Keeping(tmp_path / "checkpoints", tensorboard=tmp_path / "logs")
    with pytest.raises(ElegansError, match=r"elegans\[tensorboard\]"):
        Trainer().fit(np.zeros((9, 1)), [0, 1] * 4 + [0], keeping=keeping)
    assert not list(tmp_path.iterdir())
