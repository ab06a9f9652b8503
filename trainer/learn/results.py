"""The files of a finished training: model.onnx, weights, metrics, a recording and pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elegans.exporter.data.recordings.time_series import TimeSeries
from elegans.exporter.files import scratch_beside
from elegans.exporter.ir.interface import Interface
from elegans.trainer.checkpoint import weights_of
from elegans.trainer.learn.build_network import PhysicalNetwork
from elegans.trainer.learn.evaluate import clipped_values
from elegans.trainer.learn.model_file import model_bytes
from elegans.trainer.learn.result_pictures import draw_confusion, draw_errors
from elegans.trainer.learn.train_settings import TrainSettings
from elegans.trainer.learn.trainer import TrainingResult
from elegans.trainer.learn.training_loop import whole_batches
from elegans.trainer.onnx_out.export_circuit import write_recording
from elegans.trainer.plots import draw_training, draw_wiring

_MOST_STEPS = 4000
"""Recorded steps of the test part: `elegans hil` compares every one of them."""


def write_results(
    outcome: TrainingResult, settings: TrainSettings, out_dir: Path, name: str
) -> Path:
    """Write all files, or none, into `out_dir`; other files there stay. The path of model.onnx.

    Raises ElegansError for a name that cannot prefix C, an export that fails, or a folder that
    cannot be written.
    """
    from safetensors.torch import save

    interface = outcome.units.interface(name, outcome.data)
    with scratch_beside(out_dir) as scratch:
        draft = scratch / "fresh"
        draft.mkdir()
        (draft / "model.onnx").write_bytes(model_bytes(outcome.net, interface))
        _write_recording(outcome, interface, draft / "recording.npz")
        (draft / "weights.safetensors").write_bytes(save(weights_of(outcome.net.net)))
        text = json.dumps(metrics_of(outcome, settings), indent=2, sort_keys=True) + "\n"
        (draft / "metrics.json").write_text(text, encoding="utf-8")
        _draw(outcome, interface, draft)
        move_into(draft, out_dir)
    return out_dir / "model.onnx"


def move_into(draft: Path, out_dir: Path) -> None:
    """Give the files of `draft` their names in `out_dir`, one after the other."""
    if out_dir.exists():
        for file in sorted(draft.iterdir()):
            file.replace(out_dir / file.name)
    else:
        draft.replace(out_dir)


def metrics_of(outcome: TrainingResult, settings: TrainSettings) -> dict[str, Any]:
    """Everything that metrics.json says; equal trainings give equal metrics."""
    data, units, course = outcome.data, outcome.units, outcome.course
    wiring = outcome.net.wiring
    return {
        "source": Path(data.source).name,
        "data_digest": data.digest,
        "task": data.goal.kind,
        "targets": list(data.goal.targets),
        "classes": list(data.goal.classes),
        "steps_ahead": data.goal.steps,
        "inputs": [signal.name for signal in units.signals],
        "split": outcome.parts.how,
        "seed": settings.seed,
        "settings": settings.as_dict(),
        "epochs": course.epoch,
        "best_epoch": course.best_epoch,
        "loss": course.training[-1],
        "validation_loss": course.best_loss,
        "weights": count_weights(outcome.net),
        "synapses": wiring.synapses if wiring is not None else None,
        "values_clipped": clipped_values(outcome.parts.test, units),
        "validation": outcome.scores["validation"],
        "test": outcome.scores["test"],
        **({"device": outcome.device} if outcome.device else {}),
        "baselines": outcome.baselines,
        "notes": list(data.notes),
    }


def count_weights(net: PhysicalNetwork) -> int:
    """The trained numbers; those of absent synapses count, too."""
    return sum(parameter.numel() for parameter in net.parameters())


def _write_recording(outcome: TrainingResult, interface: Interface, path: Path) -> None:
    """The test part, or as much of it as `_MOST_STEPS`, with its targets."""
    goal = outcome.data.goal
    chosen = recorded(outcome.parts.test)
    batch = whole_batches(chosen, outcome.units)[0]
    extras: dict[str, npt.NDArray[np.generic]] = {}
    if goal.whole:
        extras["label"] = batch.y[:, -1, 0].astype(np.int64)
    elif goal.classifies:
        extras["label"] = np.where(batch.counts, batch.y[..., 0], 0).astype(np.int64)
        if not batch.counts.all():
            del extras["label"]  # `elegans compare` takes a label for each step, or none
    else:
        extras["target"] = np.where(batch.counts[..., None], batch.y, np.nan).astype(np.float32)
    write_recording(batch.x, batch.dt, interface, path, **extras)


def recorded(test: Sequence[TimeSeries]) -> list[TimeSeries]:
    """Stretches of one length, at most `_MOST_STEPS` in all: as many samples as can be had."""

    def chosen(length: int) -> list[TimeSeries]:
        long = [one.part(0, length) for one in test if len(one) >= length]
        return long[: _MOST_STEPS // length]

    lengths = sorted({min(len(one), _MOST_STEPS) for one in test})
    return max(map(chosen, lengths), key=lambda found: sum(map(len, found)))


def _draw(outcome: TrainingResult, interface: Interface, draft: Path) -> None:
    course, goal, test = outcome.course, outcome.data.goal, outcome.test
    stages = [("train", course.epoch)]
    draw_training(
        course.training, stages, interface.name, draft / "training.png", course.validation
    )
    if outcome.net.wiring is not None:
        cell = outcome.net.net.rnn_cell
        draw_wiring(outcome.net.wiring, cell.drawn_layers(), interface, draft / "wiring.png")
    if goal.classifies:
        what = "recordings" if goal.whole else "samples"
        draw_confusion(goal.classes, test.truth, test.said, draft / "confusion.png", what)
    else:
        draw_errors(goal.targets, goal.units, test.truth, test.said, draft / "errors.png")
