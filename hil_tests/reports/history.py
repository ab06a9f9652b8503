"""The history of runs: a file with a JSON line for each run of a board, which only grows.

{"elegans": "hil", "time": "2026-11-26T02:10:05Z", "name": "bench-1", "model": "worm",
 "figures": {"outcome": "passed", "mismatches": 0, "flash_bytes": 5446, ...}}

A line is appended by one write, so runs that end at the same time do not mix theirs. What a
killed run or a full disk has left of a line is told and skipped.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from elegans.exporter.errors import ElegansError
from elegans.exporter.files import require_file
from elegans.exporter.storage.read_files import parse_json
from elegans.hil_tests.reports.figures import Change, changes, figures_of

MOST_BYTES = 1 << 22
"""How much of the file is read, from its end: about ten thousand runs."""
_MOST_TOLD = 3  # of the damaged lines
_MOST_CHARACTERS = 4096  # of a name: a board's may be the path of its descriptor
_KIND = "hil"


@dataclass(frozen=True)
class Record:
    """One run on one board.

    time     when it ended: UTC, as 2026-11-26T02:10:05Z
    name     of the board: its name on the map, or the one on the command line
    figures  those of `figures.FIGURES` that are known
    """

    time: str
    name: str
    model: str
    figures: dict[str, Any]

    @classmethod
    def of_run(cls, name: str, model: str, report: Mapping[str, object]) -> Record:
        """The record of a run that ends now, from the JSON of its report."""
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return cls(time, name, model, _without_unknown(report))

    @property
    def when(self) -> str:
        """The time for people."""
        return f"{self.time[:16].replace('T', ' ')} UTC"

    def known(self) -> dict[str, Any]:
        """The figures; where integers were compared, it is known that none was the first to
        differ."""
        compared = "mismatches" in self.figures
        return ({"first_difference": None} if compared else {}) | self.figures

    def same_board(self, other: Record) -> bool:
        """Whether both ran the model of one name on one board."""
        return (self.model, self.name) == (other.model, other.name)


@dataclass(frozen=True)
class History:
    """The runs in a file, the oldest first, and a sentence for each line that was skipped."""

    path: Path
    records: tuple[Record, ...] = ()
    skipped: tuple[str, ...] = ()

    def of(self, record: Record) -> list[Record]:
        """The runs of the same model name on the same board."""
        return [old for old in self.records if old.same_board(record)]


@dataclass(frozen=True)
class Since:
    """What changed in a run since the last one of the same model name and board.

    last     that run; None if there is none
    changes  each against the last run in which the figure was known
    runs     how many there are, this one included
    """

    record: Record
    last: Record | None
    changes: tuple[Change, ...]
    runs: int

    def lines(self) -> list[str]:
        """What changed, for people: one line if nothing did."""
        what = f"{self.record.model} on {self.record.name}"
        if self.last is None:
            return [f"this is the first run of {what} on record"]
        if not self.changes:
            return [f"nothing changed since {self.last.when} ({self.runs} runs of {what})"]
        return [
            f"changed since {self.last.when}, {what}:",
            *(f"  {change}" for change in self.changes),
        ]

    def json(self) -> dict[str, object]:
        """The same as plain data."""
        return {
            "since": None if self.last is None else self.last.time,
            "runs": self.runs,
            "changes": [change.json() for change in self.changes],
        }


def since(history: History, record: Record) -> Since:
    """Compare a run with the earlier ones of its model name and board.

    A run in which the board was not reached knows no figures; so each figure is compared with the
    last run that knew it.
    """
    earlier = history.of(record)
    known: dict[str, Any] = {}
    for old in earlier:
        known |= old.known()
    last = earlier[-1] if earlier else None
    return Since(record, last, tuple(changes(known, record.known())), len(earlier) + 1)


def read_history(path: Path) -> History:
    """The runs in a file; none if it does not exist. Lines that are damaged, or that something
    else has written, are skipped. Raises `ElegansError` for what is no file or cannot be read."""
    require_file(path)
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - MOST_BYTES - 1, 0))
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return History(path)
    except OSError as error:
        raise _unusable(path, "read", error) from None
    first = 1
    if size > MOST_BYTES:  # the line in the middle of which the reading began
        content, first = content.partition(b"\n")[2], 0
    records, wrong = [], []
    for number, line in enumerate(content.split(b"\n"), first):
        if not line.strip():
            continue
        try:
            records.append(_record(line))
        except (ValueError, RecursionError):
            wrong.append(f"line {number}" if first else "one of the last lines")
    return History(path, tuple(records), tuple(_told(path, wrong)))


def append(path: Path, record: Record) -> None:
    """Append a run to a file, by one write. Raises `ElegansError` if it cannot be written."""
    require_file(path)
    fields = {"elegans": _KIND, "time": record.time, "name": record.name, "model": record.model}
    line = json.dumps(fields | {"figures": record.figures}).encode() + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a line was cut off: end it
                line = b"\n" + line
            if os.write(descriptor, line) != len(line):
                raise OSError(None, "the disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unusable(path, "written", error) from None


def _record(line: bytes) -> Record:
    """The run in a line. Raises `ValueError` if it is none."""
    data = parse_json(line)
    if not isinstance(data, dict) or data.get("elegans") != _KIND:
        raise ValueError("not a run")
    time, name, model = (_text(data, key) for key in ("time", "name", "model"))
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time):
        raise ValueError("no time")
    if not isinstance(data.get("figures"), dict):
        raise ValueError("no figures")
    return Record(time, name, model, _without_unknown(data["figures"]))


def _text(data: Mapping[str, object], key: str) -> str:
    text = data.get(key)
    if not isinstance(text, str) or len(text) > _MOST_CHARACTERS:
        raise ValueError(f"no {key}")
    return text


def _without_unknown(report: Mapping[str, object]) -> dict[str, Any]:
    return {key: value for key, value in figures_of(report).items() if value is not None}


def _told(path: Path, wrong: Sequence[str]) -> list[str]:
    told = [f"{path}: {place} is no run of elegans, and is skipped" for place in wrong[:_MOST_TOLD]]
    if len(wrong) > _MOST_TOLD:
        told.append(f"{path}: so are {len(wrong) - _MOST_TOLD} more lines")
    return told


def _unusable(path: Path, verb: str, error: OSError) -> ElegansError:
    reason = error.strerror or str(error)
    return ElegansError(path, f"cannot be {verb} ({reason})", "give --history another file")
