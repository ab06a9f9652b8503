"""Fine-tuning on the device's integers after a training, and its limits."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from elegans.exporter.data.recording import load_recording, to_integers
from elegans.exporter.data.recordings.read_columns import read_columns
from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.export import Request, export
from elegans.exporter.oracles import reference
from elegans.tests.trainer.data.recordings import write_machine
from elegans.trainer.checkpoint import read_checkpoint
from elegans.trainer.data.series import Choice, from_columns
from elegans.trainer.learn import on_chip
from elegans.trainer.learn.keeping import Keeping, StoppedError
from elegans.trainer.learn.trainer import Trainer

pytestmark = pytest.mark.slow
SMALL = {"neurons": 10, "epochs": 3, "window": 20, "seed": 3}


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(on_chip, "_EPOCHS", 1)
    monkeypatch.setattr(on_chip, "_MOST_UPDATES", 3)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Recordings, and the folder with the checkpoints of a training on them."""
    folder = tmp_path_factory.mktemp("machine")
    columns = read_columns(write_machine(folder / "machine.csv"))
    data = from_columns(columns, Choice("t", ("state",), ("temp", "vibration"), group="session"))
    Trainer(**SMALL).fit_data(data, Keeping(folder / "checkpoints"))
    return data, Keeping(folder / "checkpoints", resume=True)


def test_the_scores_on_integers_are_those_of_the_model_that_is_exported(machine, tmp_path):
    trainer = Trainer(**SMALL, qat="int8").fit_data(*machine)
    trainer.export(tmp_path / "out", "machine")
    model = export(
        Request(tmp_path / "out" / "model.onnx", weight_bits=8, accept_error=1.0), tmp_path / "B"
    )
    path = tmp_path / "out" / "recording.npz"
    x, dt = to_integers(load_recording(path, model), model)
    said = reference.run(model, x.swapaxes(0, 1), dt.T).y.argmax(axis=-1)
    device = json.loads((tmp_path / "out" / "metrics.json").read_text())["device"]
    label = np.load(path)["label"]
    assert np.mean(label == said.T) == pytest.approx(device["test"]["accuracy"])
    before, after = device["validation_loss"]
    assert device["kept"] == (after < before)


def test_a_stopped_fine_tuning_says_how_to_go_on_and_goes_on(machine, monkeypatch):
    monkeypatch.setattr(on_chip, "_EPOCHS", 2)
    data, keeping = machine
    file = keeping.folder / on_chip.DEVICE_FILE
    file.unlink(missing_ok=True)

    def stop(stage, done, total, note):
        if stage == "on int8" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(StoppedError, match=r"checkpoints has what was done.*--resume"):
        Trainer(**SMALL, qat="int8", calm=0.01, progress=stop).fit_data(data, keeping)
    (first,) = read_checkpoint(file).document["history"]
    told = []
    again = Trainer(**SMALL, qat="int8", calm=0.01, progress=lambda *a: told.append(a[:2]))
    again.fit_data(data, keeping)
    assert read_checkpoint(file).document["history"][0] == first
    assert [done for stage, done in told if stage == "on int8"] == [2]


def test_a_circuit_loses_neurons_until_it_keeps_a_limit_of_instructions(machine, tmp_path):
    trainer = Trainer(**SMALL, qat="int16", max_instructions=550).fit_data(*machine)
    assert trainer.outcome.device["instructions_estimated"] <= 550
    model = export(Request(trainer.export(tmp_path / "out"), accept_error=1.0), tmp_path / "B")
    assert 3 <= len(model.states) < 10


def test_a_limit_that_cannot_be_kept_is_an_error_that_says_what_can(machine):
    with pytest.raises(ElegansError, match=r"one neuron in each layer but the last still take \d"):
        Trainer(**SMALL, qat="int16", max_instructions=10).fit_data(*machine)


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({"max_flash": 2000}, "give --qat int8 or int16 as well"),
        ({"qat": "int4"}, "choose from int8, int16"),
        ({"qat": "int8", "max_synapses": 0}, "give at least 1"),
        ({"qat": "int8", "core": "avr"}, "choose from m0"),
    ],
)
def test_what_makes_no_sense_is_refused(options, fact):
    with pytest.raises(WrongUseError, match=fact):
        Trainer(**SMALL, **options)
