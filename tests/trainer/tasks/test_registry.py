"""Training a task by name: all files or none, and errors that say what to do."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elegans.exporter.errors import ElegansError
from elegans.trainer.tasks import TASKS, TrainOptions, train

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed"
)


def test_the_tasks_are_named_and_described() -> None:
    assert set(TASKS) == {"lane", "motions"}
    assert all(task.name == name and task.summary for name, task in TASKS.items())


@pytest.mark.parametrize(
    ("call", "fact"),
    [
        (lambda out: train("line", out), "no task 'line'; choose from lane, motions"),
        (lambda out: train("lane", out, TrainOptions(epochs=0)), "0 epochs"),
        (lambda out: train("lane", out, TrainOptions(seed=-1)), "seed -1"),
    ],
)
def test_a_bad_request_is_refused_before_any_work(
    call: Callable[[Path], Any], fact: str, tmp_path: Path
) -> None:
    with pytest.raises(ElegansError, match=fact):
        call(tmp_path / "out")
    assert not list(tmp_path.iterdir())


@needs_torch
def test_a_file_in_place_of_the_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ElegansError, match="is a file"):
        train("lane", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_without_torch_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ElegansError, match=r"elegans\[train\]"):
        train("lane", tmp_path / "out")


@needs_torch
def test_a_failure_while_writing_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elegans.trainer import plots
    from elegans.trainer.tasks.lane import train as lane

    tiny = lane.Budget(2, 2, 6.0, 1, 1, 5.0, 5.0)
    monkeypatch.setattr(lane, "SHORT", tiny)

    def fail(*_: object) -> None:
        raise ElegansError("picture", "the pen broke", "buy another")

    monkeypatch.setattr(plots, "draw_wiring", fail)
    with pytest.raises(ElegansError, match="pen broke"):
        train("lane", tmp_path / "out", TrainOptions(short=True))
    assert not list(tmp_path.iterdir())


@needs_torch
def test_training_into_an_existing_folder_keeps_its_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elegans.trainer.tasks.lane import train as lane

    monkeypatch.setattr(lane, "SHORT", lane.Budget(2, 2, 6.0, 1, 1, 5.0, 5.0))
    (tmp_path / "notes.txt").write_text("keep me")
    (tmp_path / "model.onnx").write_text("old")
    train("lane", tmp_path, TrainOptions(short=True))
    assert (tmp_path / "notes.txt").read_text() == "keep me"
    assert (tmp_path / "model.onnx").read_bytes() != b"old"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
