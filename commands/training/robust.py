"""`elegans robust`: train many networks, disturb them, and say which of them hold their line."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elegans.commands.edge import complain, say
from elegans.commands.training.train import listed, own_data
from elegans.exporter.errors import WrongUseError
from elegans.exporter.files import write_file
from elegans.trainer.progress import shown
from elegans.trainer.tasks import RECORDED, TASKS
from elegans.trainer.tasks.registry import require_output, require_packages

if TYPE_CHECKING:
    from elegans.trainer.robustness.plan import StudyOptions
    from elegans.trainer.robustness.world import World

_QUICK: dict[str, Any] = {"seeds": 3, "epochs": 6, "rates": (0.01,), "steps": 3, "quick": True}
_COLUMNS = ("time", "inputs", "target", "group", "kind", "forecast", "gap", "test", "validation")


def robust(what: str, output: Path, more: dict[str, Any]) -> None:
    """Measure `what`, write the results into `output`, and print the table and the result.

    more  the parameters of `commands.options.robust`

    Raises `WrongUseError` for options that do not belong to `what`, else `ElegansError`.
    """
    require_output(output)
    require_packages()
    options = _options(more)
    world = _world(what, more)
    from elegans.trainer.robustness.campaign import run_study
    from elegans.trainer.robustness.plain_words import paragraph
    from elegans.trainer.robustness.report import aligned, summarised, table

    jobs = more["jobs"] or os.cpu_count() or 1
    with shown() as progress:
        outcome = run_study(world, options, output, jobs, progress)
    summary = summarised(world, options, outcome)
    result = paragraph(summary)
    _write(summary, result, output)
    say(f"{aligned(table(summary, options.weights))}\n{result}")


def _options(more: dict[str, Any]) -> StudyOptions:
    from elegans.trainer.robustness.plan import StudyOptions

    given = {
        name: more[name]
        for name in ("study", "seeds", "epochs", "budget", "sizes", "steps", "weights")
        if more[name] is not None
    }
    if more["cells"]:
        given["cells"] = tuple(listed(more["cells"]))
    if more["rates"]:
        given["rates"] = tuple(_rate(text) for text in listed(more["rates"]))
    for name in ("sizes", "steps"):
        if name in given and more["study"] != "size":
            raise WrongUseError(f"--{name}", "is for --study size", "add that, or leave it out")
    return StudyOptions(**{**(_QUICK if more["quick"] else {}), **given})


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise WrongUseError("--rates", f"{text!r:.40} is no number", "give 0.003,0.01") from None


def _world(what: str, more: dict[str, Any]) -> World:
    """The task, or the recordings that the options describe."""
    given = [name for name in (*_COLUMNS, "data") if more[name]]
    if what in TASKS:
        _refuse(given, what)
        if what == "lane":
            from elegans.trainer.robustness.lane_world import LaneWorld

            return LaneWorld()
    elif what in RECORDED:
        _refuse([name for name in given if name in _COLUMNS], what)
    elif not Path(what).exists():
        known = ", ".join((*TASKS, *RECORDED))
        raise WrongUseError(
            what, "there is no such task, file or folder", f"give {known}, or a path of data"
        )
    else:
        _refuse([name for name in given if name == "data"], what)
    return _recorded_world(what, more)


def _refuse(given: list[str], what: str) -> None:
    if given:
        name = "task" if given[0] == "kind" else given[0]
        raise WrongUseError(what, f"takes no --{name}", "leave it out")


def _recorded_world(what: str, more: dict[str, Any]) -> World:
    from elegans.trainer.data.split import split
    from elegans.trainer.learn.train_settings import TrainSettings
    from elegans.trainer.robustness.recorded_world import RecordedWorld, motions

    settings = TrainSettings()
    if what in TASKS:
        data, validation, test = motions()
    elif what in RECORDED:
        task = RECORDED[what]
        settings = TrainSettings(**task.settings)
        data = task.load(more["data"])
        validation, test = list(task.validation), list(task.test)
    else:
        data = own_data(Path(what), more)
        validation, test = listed(more["validation"]), listed(more["test"])
    data = replace(data, notes=list(data.notes))
    parts = split(data, validation, test)
    for note in (*data.notes, f"split: {parts.how}"):
        complain(f"note: {note}")
    groups = [sorted({one.group for one in part}) for part in (parts.validation, parts.test)]
    about = repr((data.digest, groups, settings))
    digest = hashlib.sha256(about.encode()).hexdigest()
    return RecordedWorld(Path(what).stem, data, parts, settings, digest)


def _write(summary: Any, result: str, output: Path) -> None:
    """All files of the results, each written whole."""
    from elegans.trainer.robustness.pictures import draw
    from elegans.trainer.robustness.report import aligned, markdown, results_json, table

    texts, marks = [], []
    for numbers in (summary.options.weights, "float"):
        lines = table(summary, numbers)
        texts.append(f"{numbers}\n{aligned(lines)}\n")
        marks.append(f"### {numbers}\n\n{markdown(lines)}\n")
    legend = (
        f"{summary.world.error}: mean and half of the 95 % interval over seeds; + is better and - "
        f"worse than {summary.options.cells[0]}, after the correction for all comparisons.\n"
    )
    files = {
        "table.txt": f"{legend}\n{''.join(texts)}{result}\n".encode(),
        "table.md": f"{legend}\n{''.join(marks)}{result}\n".encode(),
        "results.json": results_json(summary, result),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name in draw(summary, Path(folder)):
            files[name] = (Path(folder) / name).read_bytes()
    for name, content in files.items():
        write_file(output / name, content)
