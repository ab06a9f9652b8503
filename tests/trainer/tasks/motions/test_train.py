"""The smartwatch recordings are read as they are, and a short training recognises them."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from elegans.exporter.errors import ElegansError
from elegans.trainer.tasks.motions.recordings import ACTIVITIES, decide, load, read

needs_aeon = pytest.mark.skipif(
    importlib.util.find_spec("aeon") is None,
    reason="aeon, whose wheel carries the recordings, is not installed",
)
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed"
)

SMALL = """# a comment
@problemName Small
@classLabel true Standing Running Walking Badminton
@data
1.0,2.0:3.0,4.0:Walking
-1.5,0.25:9.0,8.0:Standing
"""


@needs_aeon
def test_the_recordings_are_forty_and_forty_ten_of_each_activity() -> None:
    for series in load():
        assert series.x.shape == (40, 100, 6)
        assert series.x.dtype == np.float32
        assert np.bincount(series.label).tolist() == [10, 10, 10, 10]


@needs_aeon
@needs_torch
def test_a_short_training_recognises_the_test_recordings(tmp_path: Path) -> None:
    from elegans.trainer.tasks import TrainOptions, train

    metrics = train("motions", tmp_path / "motions", TrainOptions(short=True))
    assert float(metrics["test_accuracy"]) >= 0.95
    assert 19 <= int(metrics["neurons"]) <= 32
    with np.load(tmp_path / "motions" / "recording.npz", allow_pickle=False) as recording:
        assert recording["x"].shape == (40, 100, 6)
        assert recording["dt"].shape == (40, 100)
        assert recording["label"].shape == (40,)
        assert np.allclose(recording["dt"], 0.1)


def test_a_file_is_read_channel_by_channel(tmp_path: Path) -> None:
    path = tmp_path / "small.ts"
    path.write_text(SMALL)
    series = read(path, hashlib.sha256(SMALL.encode()).hexdigest())
    assert series.x.tolist() == [[[1.0, 3.0], [2.0, 4.0]], [[-1.5, 9.0], [0.25, 8.0]]]
    assert [ACTIVITIES[n] for n in series.label] == ["walking", "standing"]


def test_a_file_with_another_checksum_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "small.ts"
    path.write_text(SMALL)
    with pytest.raises(ElegansError, match=r"small\.ts: its SHA-256 is"):
        read(path, "0" * 64)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ElegansError, match=r"gone\.ts: cannot be read"):
        read(tmp_path / "gone.ts", "0" * 64)


def test_without_aeon_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ElegansError, match=r"elegans\[data\]"):
        load()


def test_a_decision_is_the_best_mean_score_of_the_second_half() -> None:
    scores = np.zeros((2, 10, 4), np.float32)
    scores[0, :5, 1] = 1.0
    scores[0, 5:, 2] = 0.1
    scores[1, 9, 3] = 0.5
    assert decide(scores).tolist() == [2, 3]
