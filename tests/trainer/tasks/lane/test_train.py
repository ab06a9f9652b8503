"""A short training already keeps to the road, and the seed determines every byte of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.lowering.lower import lower
from elegans.trainer.chip_aware.settings import ChipSettings
from elegans.trainer.onnx_out.signals import limits
from elegans.trainer.tasks import TrainOptions, train
from elegans.trainer.tasks.lane import train as lane
from elegans.trainer.tasks.lane.closed_loop import drive, drive_all
from elegans.trainer.tasks.lane.journey import DT_RANGE, SENSORS, draw_journey

TINY = lane.Budget(
    rounds=2, cars=4, seconds=6.0, epochs=2, batches=3, test_seconds=5.0, recorded_seconds=5.0
)


def test_a_short_training_keeps_to_the_road_and_its_onnx_file_drives_as_well(
    tmp_path: Path,
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    metrics = train("lane", tmp_path / "lane", TrainOptions(short=True))
    assert metrics["held_the_road"] is True
    assert metrics["neurons"] == 19
    assert float(metrics["lateral_worst_m"]) < 0.8

    session = onnxruntime.InferenceSession(
        tmp_path / "lane" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    h = np.zeros((1, 19), np.float32)

    def controller(x: np.ndarray, dt: float) -> float:
        nonlocal h
        step = {"x": x[None], "h": h, "dt": np.array([[dt]], np.float32)}
        y, h = session.run(["y", "h_next"], step)
        return float(y[0, 0])

    assert drive(controller, 30.0, seed=424242).held

    with np.load(tmp_path / "lane" / "recording.npz", allow_pickle=False) as recording:
        x, dt = recording["x"].astype(np.float64), recording["dt"].astype(np.float64)
    assert x.shape == (len(dt), 8)
    assert len(dt) >= 5000
    low, high = limits(SENSORS)
    assert ((low <= x) & (x <= high)).all()
    assert DT_RANGE[0] <= dt.min() < dt.max() <= DT_RANGE[1]


def test_a_seed_determines_every_byte_of_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "SHORT", TINY)
    folders = []
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        train("lane", tmp_path / name, TrainOptions(seed, short=True))
        folders.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    one, same, other = folders
    assert sorted(one) == [
        "drive.png",
        "metrics.json",
        "model.onnx",
        "recording.npz",
        "training.png",
        "weights.safetensors",
        "wiring.png",
    ]
    assert [name for name in one if one[name] != same[name]] == []
    assert one["model.onnx"] != other["model.onnx"]
    assert [json.loads(folder["metrics.json"])["seed"] for folder in (one, other)] == [3, 4]


def test_it_is_fine_tuned_on_integers_within_limits_and_scored_as_its_export_drives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "SHORT", TINY)
    chip = ChipSettings(qat="int8", max_instructions=2000)
    device = train("lane", tmp_path / "lane", TrainOptions(short=True, chip=chip))["device"]
    assert device["instructions_estimated"] <= 2000
    model = lower(read_file(tmp_path / "lane" / "model.onnx"), 8)
    assert 3 <= len(model.states) < lane.NEURONS
    journeys = [draw_journey(TINY.test_seconds, seed) for seed in lane.TEST_SEEDS]
    drives = drive_all(journeys, lane.ModelDriver(model, len(journeys)))
    assert lane.lateral_rms(drives) == device["test"]["lateral_rms_m"]
    assert device["test"].keys() == device["untrained"].keys() == device["float"].keys()
