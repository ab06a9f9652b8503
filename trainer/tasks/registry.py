"""The tasks by name, and `train`, which runs one and writes its files.

Importing this module imports no torch: the tasks can be listed where none is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.files import require_parents, scratch_beside
from elegans.trainer.chip_aware.settings import ChipSettings
from elegans.trainer.progress import Progress, silent
from elegans.trainer.tasks.recorded import daphnet, gesture, occupancy
from elegans.trainer.tasks.recorded.published import RecordedTask

if TYPE_CHECKING:
    from elegans.trainer.tasks.trained import Metrics, Trained

_REQUIRED = ("torch", "onnxscript", "safetensors", "matplotlib")


@dataclass(frozen=True)
class TrainOptions:
    """How a task is trained."""

    seed: int = 1
    """0 to 2^32 - 1; with the other options it determines every byte that is written."""
    short: bool = False
    """Train for a fraction of the time, to see that everything works."""
    epochs: int | None = None
    """1 or more; None for the task's own number."""
    chip: ChipSettings = field(default_factory=ChipSettings)
    """Fine-tuning on the device's integers."""


@dataclass(frozen=True)
class Task:
    """A task: its name, a line about it, and the module that trains it.

    The module has a function `train(options: TrainOptions, progress: Progress) -> Trained`.
    """

    name: str
    summary: str
    module: str

    def train(self, options: TrainOptions, progress: Progress) -> Trained:
        """Run the module's `train`; it writes no files."""
        work: Callable[..., Trained] = importlib.import_module(self.module).train
        return work(options, progress)


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "lane": Task(
            "lane",
            "19 neurons hold a winding road through noise, fog and uneven sampling",
            "elegans.trainer.tasks.lane.train",
        ),
        "motions": Task(
            "motions",
            "28 neurons tell four activities apart from smartwatch recordings",
            "elegans.trainer.tasks.motions.train",
        ),
    }
)

RECORDED: Mapping[str, RecordedTask] = MappingProxyType(
    {task.name: task for task in (occupancy.TASK, gesture.TASK, daphnet.TASK)}
)
"""The tasks on published recordings, which are trained as the user's own data are."""


def train(
    task_name: str,
    out_dir: Path,
    options: TrainOptions | None = None,
    progress: Progress = silent,
) -> Metrics:
    """Train a task and write its files into the folder `out_dir`, all of them or none.

    Writes model.onnx, weights.safetensors, metrics.json, recording.npz and pictures; the same
    options give the same bytes. Returns the metrics with the `seconds` that training took.
    Raises ElegansError for an unknown task, options out of range, a missing extra package, a
    folder that cannot be written, a loss that is not finite, or an export that fails.
    """
    options = options or TrainOptions()
    if task_name not in TASKS:
        raise ElegansError("train", f"no task {task_name!r}", f"choose from {', '.join(TASKS)}")
    if options.epochs is not None and options.epochs < 1:
        raise ElegansError("train", f"{options.epochs} epochs", "give at least 1")
    if not 0 <= options.seed < 2**32:
        raise ElegansError("train", f"seed {options.seed}", "give 0 to 4294967295")
    require_packages()
    require_output(out_dir)
    progress("load", 0, 1, "torch")
    from elegans.trainer.fit import reproducible

    begun = time.monotonic()
    with reproducible(options.seed):
        trained = TASKS[task_name].train(options, progress)
    seconds = round(time.monotonic() - begun, 1)
    metrics: Metrics = {
        "task": task_name,
        "seed": options.seed,
        "epochs": len(trained.history),
        "neurons": trained.circuit.wiring.neurons,
        "synapses": trained.circuit.wiring.synapses,
        **trained.metrics,
        **({"device": trained.device} if trained.device else {}),
    }
    progress("write", 0, 1, "")
    _write_files(trained, metrics, out_dir)
    progress("write", 1, 1, "")
    return {**metrics, "seconds": seconds}


def require_packages() -> None:
    """Raise ElegansError for the first package of the extra `train` that is missing."""
    for module in _REQUIRED:
        if importlib.util.find_spec(module) is None:
            raise ElegansError("train", f"{module} is missing", "pip install 'elegans[train]'")


def require_output(out_dir: Path) -> None:
    """Raise ElegansError unless the folder `out_dir` can be written, or made."""
    if out_dir.exists() and not out_dir.is_dir():
        raise WrongUseError(out_dir, "is a file", "name a folder")
    require_parents(out_dir)
    above = next(folder for folder in out_dir.absolute().parents if folder.exists())
    if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
        raise ElegansError(out_dir, f"{above} cannot be written", "choose another")


def _write_files(trained: Trained, metrics: Metrics, out_dir: Path) -> None:
    """Write every file into a draft folder beside `out_dir`, then move them all to it."""
    from safetensors.torch import save

    from elegans.trainer.learn.results import move_into
    from elegans.trainer.onnx_out.export_circuit import export_circuit, write_recording
    from elegans.trainer.plots import draw_training, draw_wiring

    interface, wiring = trained.interface, trained.circuit.wiring
    with scratch_beside(out_dir) as scratch:
        draft = scratch / "fresh"
        draft.mkdir()
        export_circuit(trained.circuit, interface, draft / "model.onnx")
        recording = draft / "recording.npz"
        write_recording(trained.x, trained.dt, interface, recording, **trained.extras)
        weights = dict(sorted(trained.circuit.state_dict().items()))
        (draft / "weights.safetensors").write_bytes(save(weights))
        text = json.dumps(metrics, indent=2, sort_keys=True) + "\n"
        (draft / "metrics.json").write_text(text, encoding="utf-8")
        draw_training(trained.history, trained.stages, interface.name, draft / "training.png")
        heads = trained.circuit.cfc.rnn_cell.drawn_layers()
        draw_wiring(wiring, heads, interface, draft / "wiring.png")
        for name, draw in trained.plots.items():
            draw(draft / name)
        move_into(draft, out_dir)
