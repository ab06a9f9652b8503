"""The best model of a sweep within a budget, as `instructions<2000,error<=0.05`."""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.files import write_folder
from elegans.exporter.storage.read_files import FileKind, files_below, parse_json, read_input
from elegans.trainer.search.front import FILE, Row

_FRONT = FileKind("a front.json", 1 << 26)
_PART = FileKind("a file of a trial", 1 << 28)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_REQUIREMENT = re.compile(r"\s*([a-z_]+)\s*(<=|>=|==|<|>|=)\s*([-+.0-9eE]+)\s*")
_REMEDY = "give the folder that `elegans sweep` wrote"


@dataclass(frozen=True)
class Requirement:
    """A bound of one value of a trial: its name, how it is compared, and with what."""

    name: str
    comparison: str
    number: float

    def holds(self, row: Row) -> bool:
        """Whether a trial keeps it."""
        return _COMPARE[self.comparison](float(row[self.name]), self.number)


def parse_conditions(text: str) -> tuple[Requirement, ...]:
    """`instructions<2000,flash<=8000` -> its conditions. Raises `WrongUseError`."""
    found = []
    for part in text.split(","):
        match = _REQUIREMENT.fullmatch(part)
        try:
            number = float(match[3]) if match else math.nan
        except ValueError:
            number = math.nan
        if match is None or not math.isfinite(number):
            raise WrongUseError(
                "--pick", f"{part!r:.60} is no condition", "write NAME<NUMBER, as instructions<2000"
            )
        found.append(Requirement(match[1], match[2], number))
    return tuple(found)


def best_of(front: Mapping[str, Any], conditions: Sequence[Requirement]) -> Row:
    """The trial with the least error of those that keep all conditions, then the fastest.

    Raises `WrongUseError` for a name that no trial has, and ElegansError if none keeps them; it
    says what the front reaches.
    """
    rows: list[Row] = front["trials"]
    if not rows:
        raise ElegansError("--pick", "the sweep has no complete trial yet", "let it go on")
    names = [name for name, value in rows[0].items() if _is_number(value)]
    for one in conditions:
        if one.name not in names:
            known = ", ".join(sorted(names))
            raise WrongUseError("--pick", f"no trial has a value {one.name!r}", f"take {known}")
    fitting = [row for row in rows if all(one.holds(row) for one in conditions)]
    if fitting:
        return min(fitting, key=lambda row: (row["error"], row["instructions"], row["trial"]))
    best = [row for row in rows if row["trial"] in front["front"]]
    told = dict.fromkeys([*front["objectives"], *(one.name for one in conditions)])
    reach = ", ".join(
        f"{name} {min(r[name] for r in best):g} to {max(r[name] for r in best):g}" for name in told
    )
    raise ElegansError("--pick", f"no trial keeps it; the front has {reach}", "loosen a condition")


def picked(sweep: Path, text: str, target: Path) -> Row:
    """Write the best trial's folder to `target`: model.onnx, its BUILD in export/, trial.json.

    Raises ElegansError for a folder that is no sweep, a condition that cannot be read or that
    none keeps, and a target that has something else in it.
    """
    conditions = parse_conditions(text)
    front = read_front(sweep)
    row = best_of(front, conditions)
    _check_target(target)
    folder = str(row["folder"])
    files = {}
    try:
        paths = files_below(sweep, folder)
    except OSError:
        raise ElegansError(sweep / folder, "is not there", "let the sweep run again") from None
    for path in paths:
        content = read_input(sweep / path, _PART, _REMEDY, inside=sweep)
        files[path.removeprefix(f"{folder}/")] = content
    write_folder(target, files)
    return row


def read_front(sweep: Path) -> dict[str, Any]:
    """The content of front.json. Raises ElegansError if it is missing or damaged."""
    path = sweep / FILE
    try:
        found = parse_json(read_input(path, _FRONT, _REMEDY))
        rows = found["trials"]
        assert isinstance(found["front"], list)
        assert isinstance(found["objectives"], list)
        for row in rows:
            numbers = [row[name] for name in ("trial", "error", "instructions", "flash")]
            folder = row["folder"]
            assert all(map(_is_number, numbers))
            assert folder == f"trials/{row['trial']}"
    except (ValueError, TypeError, LookupError, AssertionError) as error:
        fact = f"is damaged ({type(error).__name__} {error!s:.60})"
        raise ElegansError(path, fact, "let the sweep run again") from None
    return dict(found)


def is_sweep(folder: Path) -> bool:
    """Whether a folder holds a sweep, which may not have finished a trial."""
    return (folder / "sweep.json").is_file()


def _check_target(target: Path) -> None:
    """Refuse to replace anything but an empty folder or an earlier choice."""
    if target.is_dir() and (not any(target.iterdir()) or (target / "trial.json").is_file()):
        return
    if target.exists() or target.is_symlink():
        raise ElegansError(
            target, "is there and is no earlier choice", "give a new folder to -o, or remove it"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def to_json(row: Row) -> bytes:
    """trial.json: a complete trial's values and parameters."""
    return (json.dumps(dict(row), indent=1, sort_keys=True) + "\n").encode()
