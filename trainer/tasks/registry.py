"""The tasks by name, and the one way to run any of them.

Importing this imports no torch: a lab machine may list the tasks and never train.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from elegans.exporter.errors import ElegansError
from elegans.trainer.progress import Progress, silent

if TYPE_CHECKING:
    from elegans.trainer.tasks.trained import Metrics, Trained

_NEEDED = ("torch", "onnxscript", "safetensors", "matplotlib")


@dataclass(frozen=True)
class Task:
    """A name, what it is about, and the module whose `train` does the work."""

    name: str
    summary: str
    module: str

    def train(self, seed: int, short: bool, epochs: int | None, progress: Progress) -> Trained:
        """Run the task's own training; the registry's `train` also writes the files."""
        work: Callable[..., Trained] = importlib.import_module(self.module).train
        return work(seed, short, epochs, progress)


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


def train(
    task_name: str,
    out_dir: Path,
    *,
    seed: int = 1,
    short: bool = False,
    epochs: int | None = None,
    progress: Progress = silent,
) -> Metrics:
    """Train a task and write what came of it into `out_dir`, all files or none.

    Writes model.onnx, weights.safetensors, metrics.json, recording.npz and pictures; the
    same seed gives the same bytes. `short` trains a fraction, for tests; `epochs` (1 or
    more) sets the length by hand. Returns the metrics with the `seconds` of training.
    Raises ElegansError for an unknown task, a missing extra, or a training gone wrong.
    """
    if task_name not in TASKS:
        raise ElegansError("train", f"no task {task_name!r}", f"choose from {', '.join(TASKS)}")
    if epochs is not None and epochs < 1:
        raise ElegansError("train", f"{epochs} epochs", "give at least 1")
    if not 0 <= seed < 2**32:
        raise ElegansError("train", f"seed {seed}", "give 0 to 4294967295")
    for module in _NEEDED:
        if importlib.util.find_spec(module) is None:
            raise ElegansError("train", f"{module} is missing", "pip install 'elegans[train]'")
    if out_dir.exists() and not out_dir.is_dir():
        raise ElegansError(out_dir, "is a file", "name a folder")
    above = next(folder for folder in out_dir.absolute().parents if folder.exists())
    if not (above.is_dir() and os.access(above, os.W_OK | os.X_OK)):
        raise ElegansError(out_dir, f"{above} cannot be written", "choose another")
    from elegans.trainer.fit import reproducible

    begun = time.monotonic()
    with reproducible(seed):
        trained = TASKS[task_name].train(seed, short, epochs, progress)
    seconds = round(time.monotonic() - begun, 1)
    metrics: Metrics = {
        "task": task_name,
        "seed": seed,
        "epochs": len(trained.history),
        "neurons": trained.circuit.wiring.neurons,
        "synapses": trained.circuit.wiring.synapses,
        **trained.metrics,
    }
    progress("write", 0, 1, "")
    _publish(trained, metrics, out_dir)
    progress("write", 1, 1, "")
    return {**metrics, "seconds": seconds}


def _publish(trained: Trained, metrics: Metrics, out_dir: Path) -> None:
    """Make every file in a draft folder beside `out_dir`; only then give them their names."""
    from safetensors.torch import save

    from elegans.trainer.onnx_out.export_circuit import freeze, record
    from elegans.trainer.plots import draw_training, draw_wiring

    try:
        out_dir.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out_dir.name}.", dir=out_dir.parent))
    except OSError as error:
        raise ElegansError(
            out_dir, f"cannot be written ({error.strerror})", "choose another"
        ) from None
    contract, wiring = trained.contract, trained.circuit.wiring
    try:
        freeze(trained.circuit, contract, draft / "model.onnx")
        record(trained.x, trained.dt, contract, draft / "recording.npz", **trained.extras)
        weights = dict(sorted(trained.circuit.state_dict().items()))
        (draft / "weights.safetensors").write_bytes(save(weights))
        text = json.dumps(metrics, indent=2, sort_keys=True) + "\n"
        (draft / "metrics.json").write_text(text, encoding="utf-8")
        draw_training(trained.history, trained.stages, contract.name, draft / "training.png")
        draw_wiring(wiring, contract, draft / "wiring.png")
        for name, draw in trained.plots.items():
            draw(draft / name)
        draft.chmod(0o755)
        if out_dir.exists():
            for file in sorted(draft.iterdir()):
                file.replace(out_dir / file.name)
        else:
            draft.replace(out_dir)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
