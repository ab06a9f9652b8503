"""Rows of `benchmarks.task_table` of the tasks that have a training of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from elegans.benchmarks.table_row import Board, Row, Scores
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.ir.fixed_model import Model
from elegans.exporter.lowering.lower import lower
from elegans.trainer.chip_aware.settings import ChipSettings
from elegans.trainer.fit import Fit, reproducible
from elegans.trainer.learn.evaluate import class_scores
from elegans.trainer.onnx_out.export_circuit import export_circuit
from elegans.trainer.progress import Progress
from elegans.trainer.tasks.lane import closed_loop
from elegans.trainer.tasks.lane import train as lane_task
from elegans.trainer.tasks.lane.journey import draw_journey
from elegans.trainer.tasks.motions import train as motions_task
from elegans.trainer.tasks.motions.recordings import ACTIVITIES, decide, load
from elegans.trainer.tasks.on_chip import run_on_integers
from elegans.trainer.tasks.registry import TrainOptions
from elegans.trainer.tasks.trained import Trained

Train = Callable[[TrainOptions, Progress], Trained]


def motions(seed: int, data: Path | None, board: str, progress: Progress) -> Row:
    """BasicMotions: accuracy on 40 series."""
    row = Row("motions", seed)
    test = load()[1]

    def scored(y: npt.NDArray[Any]) -> Scores:
        return class_scores(test.label, decide(y.astype(np.float32)), len(ACTIVITIES))

    with tempfile.TemporaryDirectory() as folder:
        plain, tuned, files = _both(motions_task.train, seed, Path(folder), progress)
        x, dt = plain.x, plain.dt
        with torch.no_grad():
            y = plain.circuit(torch.from_numpy(x), torch.from_numpy(dt))[0]
        row.scores["float"] = scored(y.numpy())
        for column, model in _models(files).items():
            row.scores[column] = scored(run_on_integers(model, x, dt))
        if board:
            row.scores["board int16"] = scored(Board(board, files[0], 16, row)(x, dt))
            row.scores["board int8"] = scored(Board(board, files[1], 8, row)(x, dt))
    most = np.full_like(test.label, np.bincount(load()[0].label).argmax())
    row.scores["majority"] = class_scores(test.label, most, len(ACTIVITIES))
    with reproducible(seed):
        gru = ScaledGru(motions_task.NEURONS, tuned.circuit)
        fit = Fit(gru, epochs=12, batches=8, rate=2e-2, progress=progress)
        loss = motions_task.loss_on(load()[0])
        fit.stage("gru", 12, lambda: loss(gru))
        with torch.no_grad():
            row.scores["gru"] = scored(gru(torch.from_numpy(x), torch.from_numpy(dt))[0].numpy())
    return row


def lane(seed: int, data: Path | None, board: str, progress: Progress) -> Row:
    """Steering: the lateral error in closed loop, in m, on 8 roads never seen."""
    row = Row("lane", seed)
    seconds = lane_task.FULL.test_seconds
    journeys = [draw_journey(seconds, seed) for seed in lane_task.TEST_SEEDS]

    def scored(drives: list[closed_loop.Drive]) -> Scores:
        return {"rms": lane_task.lateral_rms(drives)}

    with tempfile.TemporaryDirectory() as folder:
        plain, _, files = _both(lane_task.train, seed, Path(folder), progress)
        driver = lane_task.NetworkDriver(plain.circuit, len(journeys))
        row.scores["float"] = scored(closed_loop.drive_all(journeys, driver))
        models, drives = _models(files), {}
        for column, model in models.items():
            drives[column] = closed_loop.drive_all(
                journeys, lane_task.ModelDriver(model, len(journeys))
            )
            row.scores[column] = scored(drives[column])
        for column, file, bits in (("int16", files[0], 16), ("int8 trained", files[1], 8)):
            if board:
                _same_steering(Board(board, file, bits, row), drives[column])
                row.scores[f"board {column.split()[0]}"] = row.scores[column]
    row.scores["mean"] = scored(closed_loop.drive_all(journeys, lambda _x, _dt, e: 0.0 * e))
    with reproducible(seed):
        gru: Any = ScaledGru(lane_task.NEURONS, plain.circuit)
        budget = lane_task.FULL
        random = np.random.default_rng(seed)
        lane_task.learned(gru, budget.epochs, budget, random, progress)
        driver = lane_task.NetworkDriver(gru, len(journeys))
        row.scores["gru"] = scored(closed_loop.drive_all(journeys, driver))
    return row


def _same_steering(board: Board, drives: list[closed_loop.Drive]) -> None:
    """What the drives' sensors saw, run on a board: it steers as the reference did, so it would
    have driven them. Raises ElegansError where it does not."""
    steering = board(np.stack([d.x for d in drives]), np.stack([d.dt for d in drives]))[..., 0]
    clipped = np.clip(steering, -lane_task.MAX_STEERING, lane_task.MAX_STEERING)
    assert np.array_equal(clipped, np.stack([d.steering for d in drives]))


def _both(
    train: Train, seed: int, folder: Path, progress: Progress
) -> tuple[Trained, Trained, tuple[Path, Path]]:
    """Trained, trained and fine-tuned on int8, and the files of both."""
    found = []
    for qat in ("", "int8"):
        with reproducible(seed):
            found.append(train(TrainOptions(seed, chip=ChipSettings(qat=qat)), progress))
        export_circuit(found[-1].circuit, found[-1].interface, folder / f"model{qat}.onnx")
    return found[0], found[1], (folder / "model.onnx", folder / "modelint8.onnx")


def _models(files: tuple[Path, Path]) -> dict[str, Model]:
    plain, tuned = files
    asked = {"int16": (plain, 16), "int8": (plain, 8), "int8 trained": (tuned, 8)}
    return {column: lower(read_file(file), bits) for column, (file, bits) in asked.items()}


class ScaledGru(nn.Module):
    """A GRU with the physical units of a circuit, and elapsed time as one more input.

    It is called, and driven, as a `ScaledCircuit` is.
    """

    def __init__(self, units: int, like: Any) -> None:
        super().__init__()
        self.like = (like.centre, like.spread, like.gain, like.dt_unit)
        self.wiring = SimpleNamespace(neurons=units)
        self.gru = nn.GRU(len(like.centre) + 1, units, batch_first=True)
        self.readout = nn.Linear(units, len(like.gain))

    def forward(self, x: Tensor, dt: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x [B, T, I] and dt [B, T] -> y [B, T, O], last state h [B, H]."""
        centre, spread, gain, unit = self.like
        given = torch.cat([(x - centre) / spread, (dt / unit)[..., None]], dim=2)
        hidden, h = self.gru(given, None if h0 is None else h0[None])
        return self.readout(hidden) * gain, h[0]

    def folded(self) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
        """One step: x [B, I], h [B, H], dt [B, 1] -> y [B, O], next h."""

        def step(x: Tensor, h: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
            y, after = self(x[:, None], dt, h)
            return y[:, 0], after

        return step
