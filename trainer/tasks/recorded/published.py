"""A published set of recordings: its files with their checksums, its origin and licence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elegans.exporter.errors import ElegansError, WrongUseError
from elegans.exporter.storage.read_files import TABLE_FILE, read_input
from elegans.trainer.data.series import DataSet


@dataclass(frozen=True)
class Published:
    """Files that elegans does not have with it.

    folder   the name of the folder in which they usually are
    files    path below it -> SHA-256
    origin   who made them, and where they are
    licence  under which they are published
    """

    folder: str
    files: Mapping[str, str]
    origin: str
    licence: str

    def find(self, data: Path | None) -> Path:
        """The folder with all files, which is `data` or `data`/`folder`, after a look at each.

        Raises `WrongUseError` without `data` or without the files there, and ElegansError for a
        file with another checksum.
        """
        get = f"download them from {self.origin} ({self.licence})"
        if data is None:
            fact = "its recordings are not with elegans"
            raise WrongUseError(f"task {self.folder}", fact, f"{get}, and give --data DIR")
        first = next(iter(self.files))
        places = [place for place in (data, data / self.folder) if (place / first).exists()]
        if not places:
            raise WrongUseError(data, f"there is no {first} in it or in its {self.folder}/", get)
        for name, digest in self.files.items():
            content = read_input(places[0] / name, TABLE_FILE, get)
            found = hashlib.sha256(content).hexdigest()
            if found != digest:
                raise ElegansError(
                    places[0] / name,
                    f"its SHA-256 is {found[:12]}…, not {digest[:12]}…",
                    f"{get}, or train on it as data of your own",
                )
        return places[0]


@dataclass(frozen=True)
class RecordedTask:
    """A task on recordings.

    load              a folder, or None -> the recordings
    settings          fields of `TrainSettings` that suit it
    validation, test  the groups of these parts; () to split by time
    """

    name: str
    summary: str
    load: Callable[[Path | None], DataSet]
    settings: Mapping[str, Any] = field(default_factory=dict)
    validation: Sequence[str] = ()
    test: Sequence[str] = ()
