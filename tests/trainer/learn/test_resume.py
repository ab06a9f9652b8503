"""A training that is stopped or killed goes on from its last epoch, to the same bytes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from elegans.exporter.errors import ElegansError
from elegans.trainer.checkpoint import Checkpoint, read_checkpoint
from elegans.trainer.learn import training_loop
from elegans.trainer.learn.keeping import Keeping, StoppedError
from elegans.trainer.learn.trainer import Trainer

_SETTINGS = {"neurons": 6, "epochs": 5, "window": 16, "seed": 2, "augment": "noise=0.2"}

_KILLED = """
import sys, time
import numpy as np
from pathlib import Path
from elegans.trainer.learn.keeping import Keeping
from elegans.trainer.learn.trainer import Trainer
from elegans.tests.trainer.learn.test_resume import _SETTINGS, recordings

def progress(stage, done, total, note):
    print(stage, note, flush=True)
    time.sleep(0.03)

Trainer(**_SETTINGS, progress=progress).fit(*recordings(), keeping=Keeping(Path(sys.argv[1])))
"""


def recordings():
    """x, y and t of one recording."""
    t = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.5, 120))
    return np.sin(t)[:, None], np.where(np.sin(t - 1) > 0, "up", "down"), t


def _weights(trainer):
    return {name: value.clone() for name, value in trainer.outcome.net.state_dict().items()}


@pytest.fixture(scope="module")
def undisturbed():
    return Trainer(**_SETTINGS).fit(*recordings())


def _resumed_is_undisturbed(folder, undisturbed):
    resumed = Trainer(**_SETTINGS).fit(*recordings(), keeping=Keeping(folder, resume=True))
    assert resumed.outcome.course == undisturbed.outcome.course
    assert resumed.outcome.scores == undisturbed.outcome.scores
    assert resumed.outcome.baselines == undisturbed.outcome.baselines
    found = _weights(resumed)
    for name, value in _weights(undisturbed).items():
        assert torch.equal(found[name], value), name


def test_kill_9_loses_at_most_the_epoch_that_was_running(tmp_path, undisturbed):
    child = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    running = 0
    for line in child.stdout:
        running = int(re.search(r"epoch (\d+)", line)[1])
        if running == 3:
            break
    child.kill()
    assert child.wait(30) == -signal.SIGKILL
    done = read_checkpoint(tmp_path / "network_last.safetensors").document["course"]["epoch"]
    assert done >= running - 1 == 2
    _resumed_is_undisturbed(tmp_path, undisturbed)


@pytest.mark.parametrize("writes", [2, 3])
def test_killed_between_any_two_files_it_still_goes_on(writes, tmp_path, undisturbed, monkeypatch):
    left = [writes]
    write = Checkpoint.write

    def killed(self, path):
        left[0] -= 1
        if left[0] < 0:
            raise SystemExit
        write(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", killed)
        with pytest.raises(SystemExit):
            Trainer(**_SETTINGS).fit(*recordings(), keeping=Keeping(tmp_path))
    _resumed_is_undisturbed(tmp_path, undisturbed)


@pytest.mark.parametrize("stage", ["train", "baseline"])
def test_ctrl_c_says_how_to_go_on_and_goes_on(stage, tmp_path, undisturbed):
    def progress(name, done, total, note):
        if name == stage and done == 20:
            raise KeyboardInterrupt

    with pytest.raises(StoppedError, match=r"stopped after 2 of 5 epochs.*--resume") as stopped:
        Trainer(**_SETTINGS, progress=progress).fit(*recordings(), keeping=Keeping(tmp_path))
    assert stopped.value.exit_code == 130
    _resumed_is_undisturbed(tmp_path, undisturbed)


def test_a_stopped_training_can_end_where_it_is(tmp_path):
    def progress(name, done, total, note):
        if name == "train" and done == 20:
            raise KeyboardInterrupt

    with pytest.raises(StoppedError):
        Trainer(**_SETTINGS, progress=progress).fit(*recordings(), keeping=Keeping(tmp_path))
    short = Trainer(**{**_SETTINGS, "epochs": 2})
    short.fit(*recordings(), keeping=Keeping(tmp_path, resume=True))
    assert short.outcome.course.epoch == 2


def test_ctrl_c_in_the_first_second_leaves_a_checkpoint(tmp_path):
    def progress(name, done, total, note):
        raise KeyboardInterrupt

    with pytest.raises(StoppedError, match="stopped after 0 of 5 epochs"):
        Trainer(**_SETTINGS, progress=progress).fit(*recordings(), keeping=Keeping(tmp_path))
    assert read_checkpoint(tmp_path / "network_best.safetensors").document["course"]["epoch"] == 0


def test_another_setting_or_other_data_are_refused_by_name(tmp_path):
    keeping = Keeping(tmp_path, resume=True)
    short = {**_SETTINGS, "epochs": 1}
    Trainer(**short).fit(*recordings(), keeping=Keeping(tmp_path))
    with pytest.raises(ElegansError, match="was trained with seed 2, not 9; repeat"):
        Trainer(**{**short, "seed": 9}).fit(*recordings(), keeping=keeping)
    x, y, t = recordings()
    with pytest.raises(ElegansError, match="was trained on other data"):
        Trainer(**short).fit(x + 1.0, y, t, keeping=keeping)
    Trainer(**{**short, "seed": 9}).fit(*recordings(), keeping=Keeping(tmp_path))
    with pytest.raises(ElegansError, match="was trained with seed 9, not 2"):
        Trainer(**short).fit(*recordings(), keeping=keeping)


def test_a_new_training_forgets_the_checkpoints_of_an_earlier_one(tmp_path):
    def progress(name, done, total, note):
        raise KeyboardInterrupt

    Trainer(**{**_SETTINGS, "epochs": 1}).fit(*recordings(), keeping=Keeping(tmp_path))
    other = {**_SETTINGS, "seed": 9, "progress": progress}
    with pytest.raises(StoppedError):
        Trainer(**other).fit(*recordings(), keeping=Keeping(tmp_path))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"network_last.safetensors", "network_best.safetensors"}


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_file_that_is_no_checkpoint_is_refused(content, tmp_path):
    (tmp_path / "network_last.safetensors").write_bytes(content)
    with pytest.raises(ElegansError, match="is no checkpoint of elegans"):
        Trainer(**_SETTINGS).fit(*recordings(), keeping=Keeping(tmp_path, resume=True))


def test_training_ends_when_the_validation_part_gets_worse(tmp_path):
    random = np.random.default_rng(0)
    trainer = Trainer(neurons=6, epochs=40, patience=2, lr=0.05)
    trainer.fit(random.random((60, 1)), random.integers(0, 2, 60))
    course = trainer.outcome.course
    assert course.epoch < 40
    assert course.epoch - course.best_epoch == 2
    assert course.best_loss == min(course.validation)


def test_a_loss_that_is_not_finite_ends_the_training(monkeypatch):
    monkeypatch.setattr(training_loop, "update", lambda *_: float("nan"))
    with pytest.raises(ElegansError, match="the loss became nan; try a lower --lr"):
        Trainer(**_SETTINGS).fit(*recordings())
