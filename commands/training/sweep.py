"""`elegans sweep`: search for the best trade-offs, or take one of those that were found."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from elegans.commands.edge import complain, say
from elegans.commands.options.shared import given
from elegans.commands.options.train import COLUMNS
from elegans.commands.training.train import listed, name_from, own_data
from elegans.exporter.errors import WrongUseError
from elegans.exporter.ir.interface import valid_name
from elegans.trainer.data.augment import parse_augmentation
from elegans.trainer.progress import shown
from elegans.trainer.tasks import RECORDED, TASKS
from elegans.trainer.tasks.registry import require_output, require_packages

_DISTURBANCE = "noise=0.5,dropout=0.2"
_EPOCHS_OF_TASKS, _EPOCHS_OF_DATA = 12, 30


def sweep(what: str | None, output: Path, seed: int, more: dict[str, Any]) -> None:
    """Sweep `what` into `output`, or pick; print the front, or the model that was picked.

    more  the parameters of `commands.options.sweep`, and `COLUMNS` of the options of train

    Raises `WrongUseError` for options that do not belong together, else `ElegansError`.
    """
    if more["pick"] is not None:
        _pick(what, output, more["pick"])
        return
    if what is None:
        raise WrongUseError("sweep", "nothing to sweep is given", "name a task or a file of data")
    require_output(output)
    require_packages()
    from elegans.trainer.search.study import require_optuna

    require_optuna()
    with shown() as progress:
        progress("load", 0, 1, "torch")
        from elegans.trainer.search.sweep import run_sweep
        from elegans.trainer.search.workers import InThisProcess, Processes, RayCluster, Workers

        problem = _problem(what, more, seed)
        plan = _plan(what, problem, seed, more)
        jobs, ray = more["jobs"], more["ray"]

        def workers() -> Workers:
            if ray is not None:
                most = jobs if given("jobs") is not None else None
                return RayCluster(plan.shared, problem, ray, most)
            if jobs > 1:
                return Processes(plan.shared, problem, jobs)
            return InThisProcess(plan.shared, problem)

        if ray is None and jobs > (os.cpu_count() or 1):
            _note(f"{jobs} jobs share {os.cpu_count()} CPUs")
        found = run_sweep(
            plan, problem, output, more["trials"], workers, more["storage"], progress, _note
        )
    rows = [row for row in found["trials"] if row["trial"] in found["front"]]
    for row in sorted(rows, key=lambda row: row["error"]):
        say(_line(row))
    say(f"{output}: the front of {len(found['trials'])} trials; front.png shows it")


def _pick(what: str | None, output: Path, conditions: str) -> None:
    from elegans.trainer.search.pick import is_sweep, picked

    source, target = (output, output / "picked") if what is None else (Path(what), output)
    if not is_sweep(source):
        remedy = "give the folder that `elegans sweep` wrote: elegans sweep DIR --pick ... -o OUT"
        raise WrongUseError(source, "is no folder of a sweep", remedy)
    row = picked(source, conditions, target)
    say(json.dumps(dict(row), indent=1))
    complain(f"next: elegans hil {target}/export --board mps2-an386")


def _problem(what: str, more: dict[str, Any], seed: int) -> Any:
    from dataclasses import replace

    from elegans.trainer.data.split import split
    from elegans.trainer.search.on_lane import LaneProblem
    from elegans.trainer.search.on_recordings import RecordingsProblem, motions

    columns = [name for name in (*COLUMNS, "test", "validation") if more.get(name)]
    if what in (*TASKS, *RECORDED) and columns:
        option = "task" if columns[0] == "kind" else columns[0]
        raise WrongUseError(f"task {what}", f"takes no --{option}", "leave it out")
    name = valid_name(more["name"] or name_from(what))
    if what == "lane":
        return replace(LaneProblem(seed), name=name)
    if what == "motions":
        return replace(motions(), name=name)
    if what in RECORDED:
        task = RECORDED[what]
        data, parts = task.load(more["data"]), (task.validation, task.test)
        balanced = task.settings.get("class_weights") == "balanced"
    elif Path(what).exists():
        data = own_data(Path(what), more)
        parts, balanced = (listed(more["validation"]), listed(more["test"])), more["balanced"]
    else:
        known = ", ".join((*TASKS, *RECORDED))
        raise WrongUseError(
            what, "there is no such task, file or folder", f"give {known}, or a path of data"
        )
    divided = split(data, *parts)
    for note in (*data.notes, f"split: {divided.how}"):
        _note(note)
    return RecordingsProblem(name, data, divided, balanced)


def _plan(what: str, problem: Any, seed: int, more: dict[str, Any]) -> Any:
    from elegans.trainer.learn.train_settings import TrainSettings
    from elegans.trainer.search.hopeless import CostLimit
    from elegans.trainer.search.space import space_for
    from elegans.trainer.search.sweep import OBJECTIVES, SweepPlan
    from elegans.trainer.search.trial import TrialPlan

    objectives = tuple(listed(more["objectives"]))
    wrong = [name for name in objectives if name not in OBJECTIVES]
    if wrong or "error" not in objectives or len(set(objectives)) < max(len(objectives), 2):
        fact = f"{wrong[0]!r:.40} is none" if wrong else "are not error and others, each once"
        raise WrongUseError("--objectives", fact, f"choose from {', '.join(OBJECTIVES)}")
    disturbance = None
    if "robustness" in objectives or more["disturb"]:
        disturbance = parse_augmentation(more["disturb"] or _DISTURBANCE, "--disturb")
        if disturbance.jitter or disturbance.dt:
            raise WrongUseError("--disturb", "takes noise and dropout", "leave the others out")
    epochs = _EPOCHS_OF_TASKS if what in TASKS else _EPOCHS_OF_DATA
    settings = TrainSettings(seed=seed, epochs=more["epochs"] or epochs, core=more["core"])
    space = space_for(
        problem.outputs,
        problem.augmentations,
        listed(more["cells"]),
        listed(more["weights"]),
        more["neurons"],
    )
    budget = CostLimit(more["max_instructions"], more["max_flash"])
    shared = TrialPlan(settings, more["core"], budget, disturbance)
    ordered = tuple(name for name in OBJECTIVES if name in objectives)
    return SweepPlan(what, ordered, space, shared)


def _line(row: dict[str, Any]) -> str:
    wiring = f" {row['wiring']}" if row.get("wiring") else ""
    told = f"trial {row['trial']}: error {row['error']:.4g}, {row['instructions']:,} instructions, "
    told += f"{row['flash']:,} bytes"
    if "robustness" in row:
        told += f", disturbed {row['robustness']:.4g}"
    return f"{told}; {row['neurons']} {row['cell']}{wiring} {row['weights']}"


def _note(text: str) -> None:
    complain(f"note: {text}")
