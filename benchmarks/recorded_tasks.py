"""Rows of `benchmarks.task_table` on published recordings."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elegans.benchmarks.table_row import Board, Reals, Row, Scores
from elegans.exporter.frontend.import_graph import read_file
from elegans.exporter.lowering.lower import lower
from elegans.trainer.learn.evaluate import Decisions, decide
from elegans.trainer.learn.keeping import Keeping
from elegans.trainer.learn.trainer import Trainer, TrainingResult
from elegans.trainer.progress import Progress
from elegans.trainer.tasks import RECORDED
from elegans.trainer.tasks.on_chip import run_on_integers


def recorded(name: str, seed: int, data: Path | None, board: str, progress: Progress) -> Row:
    """Train a task with its own settings, then on int8, and score all on the whole test part.

    board  that runs the test part; "" for none
    """
    task, row = RECORDED[name], Row(name, seed)
    recordings = task.load(None if name == "daphnet" else data)
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)

        def trained(qat: str) -> tuple[TrainingResult, Path]:
            trainer = Trainer(progress=progress, seed=seed, qat=qat, **task.settings)
            keeping = Keeping(at / "checkpoints", resume=bool(qat))
            trainer.fit_data(recordings, keeping, task.validation, task.test)
            return trainer.outcome, trainer.export(at / f"out{qat}", name)

        done, file = trained("")
        tuned, tuned_file = trained("int8")
        scores = row.scores
        scores["float"] = done.scores["test"]
        for bits in (16, 8):
            model = lower(read_file(file), bits)
            scores[f"int{bits}"] = _scored(done, lambda x, dt, m=model: run_on_integers(m, x, dt))
        scores["int8 trained"] = tuned.device["test"]
        if board:
            scores["board int16"] = _scored(done, Board(board, file, 16, row))
            scores["board int8"] = _scored(done, Board(board, tuned_file, 8, row))
        scores |= done.baselines
    return row


class _AsNetwork:
    """A run as `evaluate.decide` takes a network."""

    def __init__(self, run: Callable[[Any, Any], Reals]) -> None:
        self._run = run

    def __call__(self, x: Tensor, dt: Tensor) -> Tensor:
        return torch.from_numpy(self._run(x.numpy(), dt.numpy()))

    def scores(self, x: Tensor, dt: Tensor) -> Tensor:
        raise NotImplementedError


def _scored(done: TrainingResult, run: Callable[[Any, Any], Reals]) -> Scores:
    """One stretch after the other, so that none is padded."""
    goal, net = done.data.goal, _AsNetwork(run)
    parts = [decide(net, [one], done.units, goal) for one in done.parts.test]
    truth, said = (np.concatenate([getattr(p, n) for p in parts]) for n in ("truth", "said"))
    return Decisions(truth, said).scores(goal)
