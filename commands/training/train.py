"""`elegans train`: a task by its name, or the user's own recordings by their path."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from elegans.commands.edge import complain, say
from elegans.commands.options.train import CHIP, COLUMNS, NETWORK, OTHERS
from elegans.exporter.errors import WrongUseError
from elegans.exporter.ir.interface import model_name, valid_name
from elegans.trainer.chip_aware.settings import ChipSettings
from elegans.trainer.progress import shown
from elegans.trainer.tasks import RECORDED, TASKS, TrainOptions
from elegans.trainer.tasks import train as train_task
from elegans.trainer.tasks.registry import require_output, require_packages

_SHORT_EPOCHS = 3


def train(what: str, output: Path, options: TrainOptions, more: dict[str, Any]) -> None:
    """Train `what`, write the files into `output`, and print the metrics.

    more  the parameters of `commands.options.train`

    Raises `WrongUseError` for options that do not belong to `what`, else `ElegansError`.
    """
    given = [name for name in (*COLUMNS, *NETWORK, *OTHERS) if more.get(name)]
    if what in TASKS:
        _refuse(
            [name for name in given if name not in CHIP],
            f"task {what}",
            "its network and its data are fixed",
        )
        chip = ChipSettings(**{name: more[name] for name in CHIP if more[name] is not None})
        with shown() as progress:
            metrics = train_task(what, output, replace(options, chip=chip), progress)
        say(json.dumps(metrics, indent=1))
        return
    if what in RECORDED:
        fixed = (*COLUMNS, "test", "validation")
        _refuse([name for name in given if name in fixed], f"task {what}", "its columns are fixed")
    elif not Path(what).exists():
        known = ", ".join((*TASKS, *RECORDED))
        raise WrongUseError(
            what, "there is no such task, file or folder", f"give {known}, or a path of data"
        )
    else:
        _refuse([name for name in given if name == "data"], what, "it is for tasks by name")
    _train_on_data(what, output, options, more)


def _refuse(given: list[str], what: str, why: str) -> None:
    if given:
        name = "task" if given[0] == "kind" else given[0].replace("_", "-")
        raise WrongUseError(what, f"takes no --{name}", f"leave it out: {why}")


def _train_on_data(what: str, output: Path, options: TrainOptions, more: dict[str, Any]) -> None:
    require_output(output)
    require_packages()
    name = valid_name(more["name"] or name_from(what))
    begun = time.monotonic()
    with shown() as progress:
        progress("load", 0, 1, "torch")
        from elegans.trainer.data.augment import parse_augmentation
        from elegans.trainer.learn.keeping import Keeping
        from elegans.trainer.learn.results import metrics_of
        from elegans.trainer.learn.train_settings import TrainSettings
        from elegans.trainer.learn.trainer import Trainer

        values = {key: more[key] for key in NETWORK if more[key] is not None and key != "augment"}
        if more["augment"]:
            values["augmentation"] = parse_augmentation(more["augment"])
        if options.epochs or options.short:
            values["epochs"] = options.epochs or _SHORT_EPOCHS
        recorded = RECORDED.get(what)
        if recorded is None:
            data = own_data(Path(what), more)
            parts: tuple[list[str], list[str]] = listed(more["validation"]), listed(more["test"])
        else:
            values = {**recorded.settings, **values}
            data = recorded.load(more["data"])
            parts = list(recorded.validation), list(recorded.test)
        settings = TrainSettings(seed=options.seed, **values)
        _tell_checkpoints(output / "checkpoints", more["resume"])
        logs = output / "tensorboard" if more["tensorboard"] else None
        keeping = Keeping(output / "checkpoints", more["resume"], logs)
        trainer = Trainer(settings, progress=progress, tell=_note)
        trainer.fit_data(data, keeping, *parts)
        progress("write", 0, 1, "")
        trainer.export(output, name)
        progress("write", 1, 1, "")
    metrics = metrics_of(trainer.outcome, settings)
    for key in ("settings", "notes", "data_digest"):
        del metrics[key]
    say(json.dumps({**metrics, "seconds": round(time.monotonic() - begun, 1)}, indent=1))


def _tell_checkpoints(folder: Path, resume: bool) -> None:
    there = (folder / "network_last.safetensors").exists()
    if there and not resume:
        _note(f"{folder} is of an earlier training and is replaced; --resume would go on from it")
    if resume and not there:
        _note(f"{folder} has no checkpoint yet, so the training begins")


def own_data(path: Path, more: dict[str, Any]) -> Any:
    """The `DataSet` of the user's file or folder, by the parameters `COLUMNS`.

    Raises `WrongUseError` without a column of time or a target, else `ElegansError`.
    """
    from elegans.exporter.data.recordings.read_columns import read_columns
    from elegans.trainer.data.series import Choice, from_columns

    columns = read_columns(path)
    for option in ("time", "target"):
        if not more[option]:
            have = ", ".join(list(columns.values)[:12])
            raise WrongUseError(path, f"--{option} is not given", f"name a column of {have}")
    choice = Choice(
        time=more["time"],
        targets=tuple(listed(more["target"])),
        inputs=tuple(listed(more["inputs"])),
        group=more["group"],
        kind=more["kind"],
        forecast=more["forecast"],
        gap=more["gap"],
    )
    return from_columns(columns, choice)


def listed(text: str | None) -> list[str]:
    """The parts of a text with commas between them."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _note(text: str) -> None:
    complain(f"note: {text}")


def name_from(what: str) -> str:
    """A model's name from a path: `My Data.csv` -> `my_data`."""
    return model_name(Path(what).absolute().stem)
